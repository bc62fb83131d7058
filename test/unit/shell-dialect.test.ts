/** The bytes that shells hold for a command, and where fish's code says it. */
import fs from 'node:fs';
import fc from 'fast-check';
import { fileOffset, parseElf, withElf } from '../../native/elf.ts';
import { LiveAuditError } from '../../native/errors.ts';
import { withoutControls } from '../../tables/events/controls.ts';
import { narrowed, unmetafied } from '../../tables/shell_history_live/dialect.ts';
import { fishPlaces } from '../../tables/shell_history_live/fish.ts';
import { isBusybox, lineCall } from '../../tables/shell_history_live/line-reader.ts';

const wide = (...codes: number[]): Buffer => Buffer.from(Uint32Array.from(codes).buffer);

test('zsh: metafied bytes are what they stand for, also where one is cut off', () => {
  expect(unmetafied(Buffer.from('plain'))).toEqual(Buffer.from('plain'));
  expect(unmetafied(Buffer.from([0x61, 0x83, 0xa3, 0x62]))).toEqual(
    Buffer.from([0x61, 0x83, 0x62]),
  );
  expect(unmetafied(Buffer.from([0x61, 0x83]))).toEqual(Buffer.from([0x61, 0x83]));
});

describe('fish: wide characters', () => {
  test('are UTF-8, a byte of no character is that byte, what is no code point is marked', () => {
    expect(narrowed(wide(0x61, 0xe9, 0x4f60, 0x1f30d, 0xf6ff, 0xf600)).toString('latin1')).toBe(
      Buffer.from('aé你🌍').toString('latin1') + '\xff\x00',
    );
    expect(narrowed(wide(0x110000, 0xffffffff)).toString()).toBe('��');
    expect(narrowed(Buffer.concat([wide(0x61), Buffer.from([1, 2])])).toString()).toBe('a');
  });

  test('any text comes back, any bytes give some text', () => {
    const text = fc.string({ unit: 'binary' }).filter((t) => !/[\uf600-\uf6ff]/.test(t));
    fc.assert(
      fc.property(text, (t) => {
        const codes = [...t].map((c) => c.codePointAt(0) ?? 0);
        expect(narrowed(wide(...codes)).toString()).toBe(t);
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(narrowed(Buffer.from(bytes)).length).toBeLessThanOrEqual(bytes.length);
      }),
    );
  });
});

test('a program that is none of these shells has no such places', () => {
  for (const program of [process.execPath, '/bin/bash', '/bin/ls']) {
    expect(withElf(program, isBusybox)).toBe(false);
    expect(withElf(program, lineCall)).toBeNull();
  }
  expect(withElf(process.execPath, fishPlaces)).toBeNull();
  expect(withElf('/bin/sh', fishPlaces)).toBeNull();
});

const FISH = '/usr/bin/fish';
const withFish = fs.existsSync(FISH) ? test : test.skip;
withFish('a fish that is damaged gives places or none (skipped without fish)', () => {
  const whole = fs.readFileSync(FISH);
  const places = withElf(FISH, fishPlaces);
  expect(places?.evaluated).toBeGreaterThan(places?.preexec ?? Infinity);
  expect(places?.postexec).toBeGreaterThan(places?.evaluated ?? Infinity);
  const at = places?.preexec ?? 0;
  fc.assert(
    fc.property(fc.integer({ min: -64, max: 2048 }), fc.nat(255), (offset, byte) => {
      const bytes = Buffer.from(whole);
      bytes[at + offset] = byte;
      try {
        const found = fishPlaces(
          parseElf({ size: bytes.length, read: (from, size) => bytes.subarray(from, from + size) }),
        );
        if (found) expect(found.postexec).toBeGreaterThan(found.preexec);
      } catch (error) {
        expect(error).toBeInstanceOf(LiveAuditError);
      }
    }),
    { numRuns: 20 },
  );
});

const LINE_SHELLS = ['/usr/bin/dash', '/usr/bin/busybox'].filter((file) => fs.existsSync(file));
(LINE_SHELLS.length > 0 && process.arch === 'x64'
  ? test.each(LINE_SHELLS)
  : test.skip.each(['sh']))(
  '%s calls for a line in one place; damaged there, it has that place or none',
  (program) => {
    const call = withElf(program, lineCall);
    if (!call) throw new Error('none');
    expect(call.next - call.at).toBe(5);
    const whole = fs.readFileSync(program);
    const at = withElf(program, (elf) => fileOffset(elf, call.at)) ?? 0;
    expect(whole[at]).toBe(0xe8);
    fc.assert(
      fc.property(fc.integer({ min: -64, max: 64 }), fc.nat(255), (offset, byte) => {
        const bytes = Buffer.from(whole);
        bytes[at + offset] = byte;
        const read = (from: number, size: number) => bytes.subarray(from, from + size);
        const found = lineCall(parseElf({ size: bytes.length, read }));
        if (found) expect(found.next).toBe(call.next);
      }),
      { numRuns: 20 },
    );
  },
);

describe('control characters', () => {
  const shown = (text: string | Buffer) => withoutControls(Buffer.from(text)).toString('latin1');

  test('are escaped byte by byte; newlines, tabs and all else stay', () => {
    expect(shown('a\x1b[2Jb\r\x07\x7f\x00')).toBe('a\\x1b[2Jb\\x0d\\x07\\x7f\\x00');
    expect(shown('a\tb\nc')).toBe('a\tb\nc');
    expect(shown('\u0080\u009f\u00a0')).toBe('\\xc2\\x80\\xc2\\x9f\xc2\xa0'); // C1 ends before U+00A0
    expect(shown(Buffer.from([0xc2]))).toBe('\xc2');
  });

  test('a text without any is the same object; no text with one passes', () => {
    const plain = Buffer.from('echo "Grüße, 世界 🌍"\n\techo');
    expect(withoutControls(plain)).toBe(plain);
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        // biome-ignore lint/suspicious/noControlCharactersInRegex: what must not be there
        expect(shown(Buffer.from(bytes))).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]/);
      }),
    );
  });
});
