/** Hostile ELF files: a user can run any file under the name of a shell, and the collector will read it. */

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { type ByteSource, parseElf, probeAddress } from '../../native/elf.ts';
import { findSymbols } from '../../native/elf-symbols.ts';
import { LiveAuditError } from '../../native/errors.ts';
import { buildElf, CODE_VADDR, Ehdr, Section, Shdr, sourceOf } from '../fixtures/elf/build.ts';

const MAX_TABLE_BYTES = 256 * 1024 * 1024;
const WANTED = new Set(['read_command', 'readline', 'last_command_exit_value']);

const built = buildElf({
  buildId: Buffer.alloc(20, 0xab),
  dynsym: [...WANTED].map((name, i) => ({ name, vaddr: CODE_VADDR + 16 * i, size: 8 })),
  symtab: [{ name: 'internal', vaddr: CODE_VADDR + 200 }],
});
const real = readFileSync('/bin/true');

/** Read everything as the probe manager does. @returns whether it was an ELF file to us */
function survive(bytes: Buffer, size = bytes.length): boolean {
  const inner = sourceOf(bytes);
  let reads = 0;
  const source: ByteSource = {
    size,
    read(position, length) {
      if (length > MAX_TABLE_BYTES || position + length > size || position < 0 || length < 0)
        throw new Error(`read of ${length} at ${position}`);
      if (++reads > 100) throw new Error('no end of reads');
      return position + length <= bytes.length
        ? inner.read(position, length)
        : Buffer.alloc(length);
    },
  };
  try {
    const elf = parseElf(source);
    for (const symbol of findSymbols(elf, WANTED).values()) {
      const { offset } = probeAddress(elf, symbol);
      if (!Number.isInteger(offset) || offset < 0 || offset > size) throw new Error(`at ${offset}`);
    }
    return true;
  } catch (error) {
    if (error instanceof LiveAuditError && error.code === 'ELF') return false;
    throw error;
  }
}

/** Values at which arithmetic goes wrong. */
const hostile = fc.oneof(
  fc.constantFrom(0n, 1n, 0x7fff_ffffn, 0x8000_0000n, 0xffff_fff0n, 0xffff_ffffn, 1n << 63n),
  fc.constantFrom(2n ** 64n - 1n, 2n ** 64n - 24n, 2n ** 53n, 2n ** 53n + 1n),
  fc.bigInt({ min: 0n, max: 5000n }),
);

const mutation = (length: number) =>
  fc.record({ at: fc.nat(length - 8), width: fc.constantFrom(1, 2, 4, 8), value: hostile });

function mutate(
  from: Buffer,
  mutations: readonly { at: number; width: number; value: bigint }[],
): Buffer {
  const bytes = Buffer.from(from);
  const value = Buffer.alloc(8);
  for (const { at, width, value: number } of mutations) {
    value.writeBigUInt64LE(number);
    bytes.set(value.subarray(0, width), at);
  }
  return bytes;
}

test('the files that are damaged below are sound', () => {
  expect(survive(built)).toBe(true);
  expect(survive(real)).toBe(true);
  expect(findSymbols(parseElf(sourceOf(built)), WANTED).size).toBe(WANTED.size);
});

test('random bytes', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (b) => !survive(Buffer.from(b))));
});

test('random bytes behind an ELF magic', () => {
  const magic = Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0]);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 500 }), (b) => {
      survive(Buffer.concat([magic, b]));
    }),
    { numRuns: 1000 },
  );
});

test('a built file with any bytes changed, or cut', () => {
  fc.assert(
    fc.property(
      fc.array(mutation(built.length), { minLength: 1, maxLength: 6 }),
      fc.oneof(fc.constant(built.length), fc.nat(built.length)),
      (mutations, length) => {
        survive(mutate(built, mutations).subarray(0, length));
      },
    ),
    { numRuns: 3000 },
  );
});

test('the header, section headers and notes with numbers that overflow', () => {
  const shoff = Number(built.readBigUInt64LE(Ehdr.shoff));
  const note = Number(built.readBigUInt64LE(shoff + Section.note * Shdr.size + Shdr.offset));
  const places = [
    ...[32, 40, 54, 56, 58, 60],
    ...[64 + 8, 64 + 16, 64 + 32, 64 + 56 + 8, 64 + 56 + 16, 64 + 56 + 32],
    ...[note, note + 4, note + 8],
    ...Object.values(Section).flatMap((index) =>
      [Shdr.type, Shdr.offset, Shdr.length, Shdr.link].map((m) => shoff + index * Shdr.size + m),
    ),
  ];
  const place = fc.record({
    at: fc.constantFrom(...places),
    width: fc.constantFrom(2, 4, 8),
    value: hostile,
  });
  fc.assert(
    fc.property(fc.array(place, { minLength: 1, maxLength: 4 }), (mutations) => {
      survive(mutate(built, mutations));
    }),
    { numRuns: 5000 },
  );
});

test('a real program with its headers changed', () => {
  const shoff = Number(real.readBigUInt64LE(Ehdr.shoff));
  const at = fc.oneof(fc.nat(63), fc.integer({ min: shoff, max: real.length - 8 }));
  const change = fc.record({ at, width: fc.constantFrom(1, 2, 4, 8), value: hostile });
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (mutations) => {
      survive(mutate(real, mutations));
    }),
    { numRuns: 1000 },
  );
});

test('thousands of sections that each ask for the whole of a huge sparse file', () => {
  const sections = 65_535;
  const bytes = Buffer.alloc(64 + sections * 64);
  bytes.set(built.subarray(0, 64));
  bytes.writeUInt16LE(0, Ehdr.phnum);
  bytes.writeUInt16LE(sections, Ehdr.shnum);
  bytes.writeBigUInt64LE(64n, Ehdr.shoff);
  for (const [type, size] of [
    [7, 64n * 1024n],
    [11, 4n << 20n],
    [2, 4n << 20n],
  ] as const) {
    for (let at = 64; at < bytes.length; at += 64) {
      bytes.writeUInt32LE(type, at + Shdr.type);
      bytes.writeBigUInt64LE(size, at + Shdr.length);
    }
    expect(survive(bytes, 2 ** 40)).toBe(true);
  }
});
