/** Symbols, addresses and build ids of ELF files, against built ones and against readelf. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileOffset, parseElf, probeAddress, withElf } from '../../native/elf.ts';
import { findSymbols } from '../../native/elf-symbols.ts';
import { LiveAuditError } from '../../native/errors.ts';
import {
  buildElf,
  CODE_OFFSET,
  CODE_VADDR,
  Ehdr,
  type ElfParts,
  Section,
  Shdr,
  sourceOf,
} from '../fixtures/elf/build.ts';

const directory = mkdtempSync(join(tmpdir(), 'elf-'));
afterAll(() => rmSync(directory, { recursive: true }));

const ENDBR64 = [0xf3, 0x0f, 0x1e, 0xfa];
const PUSH_RBP = 0x55;
const BUILD_ID = Buffer.from('00112233445566778899aabbccddeeff01234567', 'hex');

const code = Buffer.alloc(256, PUSH_RBP);
code.set(ENDBR64, 0x40);
code.set(ENDBR64, 0x80);

const parts: ElfParts = {
  code,
  buildId: BUILD_ID,
  dynsym: [
    { name: 'plain', vaddr: CODE_VADDR + 0x10, size: 16 },
    { name: 'with_endbr', vaddr: CODE_VADDR + 0x40, size: 32 },
    { name: 'global', vaddr: CODE_VADDR + 0x90, size: 4, type: 'object' },
    { name: 'imported', vaddr: 0, undefined: true },
    { name: 'a_label', vaddr: CODE_VADDR, type: 'notype' },
    { name: 'at_the_end', vaddr: CODE_VADDR + 252 },
    { name: 'over_the_end', vaddr: CODE_VADDR + 256 },
  ],
  symtab: [
    { name: 'internal', vaddr: CODE_VADDR + 0x80, size: 8 },
    { name: 'plain', vaddr: CODE_VADDR + 0x20, size: 99 },
  ],
};
const file = buildElf(parts);
const parse = (bytes: Buffer) => parseElf(sourceOf(bytes));
const find = (name: string, bytes = file) => findSymbols(parse(bytes), new Set([name])).get(name);

function damaged(damage: (bytes: Buffer) => void, from = file): Buffer {
  const bytes = Buffer.from(from);
  damage(bytes);
  return bytes;
}
const section = (index: number, member: number): number =>
  Number(file.readBigUInt64LE(Ehdr.shoff)) + index * Shdr.size + member;

describe('symbols', () => {
  test('functions and variables with kind, address and size', () => {
    expect(find('plain')).toEqual({
      name: 'plain',
      vaddr: CODE_VADDR + 0x10,
      size: 16,
      kind: 'function',
    });
    expect(find('global')).toEqual({
      name: 'global',
      vaddr: CODE_VADDR + 0x90,
      size: 4,
      kind: 'object',
    });
  });

  test('.symtab has those that are not exported; .dynsym goes first', () => {
    expect(find('internal')?.vaddr).toBe(CODE_VADDR + 0x80);
    expect(find('plain')?.vaddr).toBe(CODE_VADDR + 0x10);
  });

  test.each(['imported', 'a_label', 'plai', 'plain2', 'lain', ''])('%p is none', (name) => {
    expect(find(name)).toBeUndefined();
  });

  test('only those that are asked for', () => {
    const found = findSymbols(parse(file), new Set(['plain', 'internal', 'missing']));
    expect([...found.keys()].sort()).toEqual(['internal', 'plain']);
    expect(findSymbols(parse(file), new Set()).size).toBe(0);
  });

  test('a stripped file without any', () => {
    const stripped = damaged((bytes) => bytes.writeUInt16LE(0, Ehdr.shnum));
    expect(findSymbols(parse(stripped), new Set(['plain'])).size).toBe(0);
  });
});

describe('the address of a probe', () => {
  test('is the entry, in the file and as linked', () => {
    const symbol = find('plain');
    if (!symbol) throw new Error('no symbol');
    expect(probeAddress(parse(file), symbol)).toEqual({
      vaddr: CODE_VADDR + 0x10,
      offset: CODE_OFFSET + 0x10,
    });
  });

  test.each(['with_endbr', 'internal'])('is behind endbr64: %s', (name) => {
    const symbol = find(name);
    if (!symbol) throw new Error('no symbol');
    expect(probeAddress(parse(file), symbol)).toEqual({
      vaddr: symbol.vaddr + 4,
      offset: symbol.vaddr - CODE_VADDR + CODE_OFFSET + 4,
    });
  });

  test('lies in a segment, or is refused with the name of the function', () => {
    const elf = parse(file);
    expect(fileOffset(elf, CODE_VADDR + 255)).toBe(CODE_OFFSET + 255);
    expect(fileOffset(elf, CODE_VADDR + 256)).toBeNull();
    expect(fileOffset(elf, 1)).toBeNull();
    const symbol = find('over_the_end');
    if (!symbol) throw new Error('no symbol');
    expect(() => probeAddress(elf, symbol)).toThrow(/over_the_end lies in no segment/);
  });
});

describe('the build id', () => {
  test('is found behind notes of other owners, or null', () => {
    expect(parse(file).buildId).toBe(BUILD_ID.toString('hex'));
    expect(parse(buildElf({})).buildId).toBeNull();
  });

  const noteAt = Number(file.readBigUInt64LE(section(Section.note, Shdr.offset)));

  test.each([
    ['a name that goes back to the note itself', 0x8000_0000, 0x8000_0000 - 12],
    ['a name that goes before the file', 0xffff_fff0, 0],
    ['a descriptor that goes back', 8, 0xffff_ffec],
    ['sizes that are all bits', 0xffff_ffff, 0xffff_ffff],
  ])('a hostile note ends the search: %s', (_, nameSize, descSize) => {
    const bytes = damaged((copy) => {
      copy.writeUInt32LE(nameSize, noteAt);
      copy.writeUInt32LE(descSize, noteAt + 4);
    });
    expect(parse(bytes).buildId).toBeNull();
  });
});

describe('what is no usable ELF file', () => {
  const wrong: readonly [string, Buffer, RegExp][] = [
    ['empty', Buffer.alloc(0), /shorter than a header/],
    ['a script', Buffer.from('#!/bin/sh\n'.padEnd(100)), /no ELF magic/],
    ['32 bit', damaged((b) => b.writeUInt8(1, 4)), /not 64-bit little endian/],
    ['big endian', damaged((b) => b.writeUInt8(2, 5)), /not 64-bit little endian/],
    [
      'program headers of another size',
      damaged((b) => b.writeUInt16LE(32, Ehdr.phentsize)),
      /program header size/,
    ],
    [
      'section headers of another size',
      damaged((b) => b.writeUInt16LE(40, Ehdr.shentsize)),
      /section header size/,
    ],
    [
      'program headers behind the end',
      damaged((b) => b.writeBigUInt64LE(2n ** 64n - 1n, Ehdr.phoff)),
      /program headers lies outside/,
    ],
    [
      'section headers behind the end',
      damaged((b) => b.writeBigUInt64LE(BigInt(b.length), Ehdr.shoff)),
      /section headers lies outside/,
    ],
    ['cut short', file.subarray(0, 200), /section headers lies outside/],
  ];
  test.each(wrong)('%s', (_, bytes, reason) => {
    expect(() => parse(bytes)).toThrow(LiveAuditError);
    expect(() => parse(bytes)).toThrow(reason);
  });

  const wrongSymbols: readonly [string, (bytes: Buffer) => void, RegExp][] = [
    [
      'symbols larger than any table',
      (b) => b.writeBigUInt64LE(2n ** 40n, section(Section.dynsym, Shdr.length)),
      /symbols lies outside/,
    ],
    [
      'symbols at a negative place',
      (b) => b.writeBigUInt64LE(2n ** 64n - 24n, section(Section.dynsym, Shdr.offset)),
      /symbols lies outside/,
    ],
    [
      'strings that are no section',
      (b) => b.writeUInt32LE(999, section(Section.dynsym, Shdr.link)),
      /without strings/,
    ],
    [
      'strings behind the end',
      (b) => b.writeBigUInt64LE(BigInt(b.length), section(Section.dynstr, Shdr.offset)),
      /symbol names lies outside/,
    ],
  ];
  test.each(wrongSymbols)('%s', (_, damage, reason) => {
    expect(() => find('plain', damaged(damage))).toThrow(LiveAuditError);
    expect(() => find('plain', damaged(damage))).toThrow(reason);
  });

  test('each has the code ELF, and a line with the path', () => {
    const path = join(directory, 'script');
    writeFileSync(path, '#!/bin/sh\n'.padEnd(100));
    for (const [where, reason] of [
      [path, 'no ELF magic'],
      [directory, 'not a regular file'],
      [join(directory, 'missing'), 'cannot be opened (ENOENT)'],
    ] as const) {
      let line = '';
      try {
        withElf(where, () => {});
      } catch (error) {
        line = error instanceof LiveAuditError ? error.line : String(error);
      }
      expect(line).toContain(where);
      expect(line).toContain(reason);
      expect(line).toContain('[ELF]');
    }
  });
});

test('a hostile symbol table over one long string is read in time', () => {
  // Each symbol names the same megabyte without an end: 400 GB to search, if one did.
  const symbols = Array.from({ length: 400_000 }, () => ({ name: '', vaddr: CODE_VADDR }));
  const built = buildElf({ dynsym: symbols });
  const bytes = Buffer.concat([built, Buffer.alloc(1 << 20, 0x61)]);
  const at = Number(bytes.readBigUInt64LE(Ehdr.shoff)) + Section.dynstr * Shdr.size;
  bytes.writeBigUInt64LE(BigInt(built.length), at + Shdr.offset);
  bytes.writeBigUInt64LE(1n << 20n, at + Shdr.length);
  const before = performance.now();
  expect(find('plain', bytes)).toBeUndefined();
  expect(performance.now() - before).toBeLessThan(10_000);
});

describe('against readelf', () => {
  const readelf = (args: readonly string[], path: string): string =>
    spawnSync('readelf', [...args, '-W', path], { encoding: 'utf8', maxBuffer: 2 ** 28 }).stdout;
  const have = spawnSync('readelf', ['--version']).error === undefined;
  const withReadelf = (name: string, body: () => void): void =>
    have ? test(name, body) : test.skip(`${name} (skipped: no readelf)`, body);

  /** name → [vaddr, size, kind] of defined functions and variables: first .dynsym, then .symtab. */
  function symbolsOf(path: string): Map<string, readonly [number, number, string]> {
    const found = new Map<string, readonly [number, number, string]>();
    const LINE =
      /^ *\d+: ([0-9a-f]+) +(\d+|0x[0-9a-f]+) (FUNC|OBJECT) .* +(\d+|ABS) ([^ @]+)(?:@\S+)?( \(\d+\))?$/;
    for (const line of readelf(['-s'], path).split('\n')) {
      const [, vaddr = '', size = '', kind, , name = ''] = LINE.exec(line) ?? [];
      if (name === '' || found.has(name)) continue;
      found.set(name, [
        Number.parseInt(vaddr, 16),
        Number(size),
        kind === 'FUNC' ? 'function' : 'object',
      ]);
    }
    return found;
  }

  const ours = (path: string, names: Iterable<string>) =>
    withElf(path, (elf) => {
      const found = findSymbols(elf, new Set(names));
      return new Map([...found].map(([name, s]) => [name, [s.vaddr, s.size, s.kind]]));
    });

  withReadelf('the built file: the same symbols and build id', () => {
    const path = join(directory, 'built');
    writeFileSync(path, file);
    const theirs = symbolsOf(path);
    expect([...theirs.keys()].sort()).toContain('with_endbr');
    expect(ours(path, theirs.keys())).toEqual(theirs);
    expect(readelf(['-n'], path)).toContain(`Build ID: ${BUILD_ID.toString('hex')}`);
  });

  withReadelf('/bin/bash: every function and variable, segments and build id', () => {
    const theirs = symbolsOf('/bin/bash');
    expect(theirs.size).toBeGreaterThan(1000);
    expect(ours('/bin/bash', theirs.keys())).toEqual(theirs);
    withElf('/bin/bash', (elf) => {
      expect(readelf(['-n'], '/bin/bash')).toContain(`Build ID: ${elf.buildId}`);
      const loads = [
        ...readelf(['-l'], '/bin/bash').matchAll(/^ +LOAD +(\S+) (\S+) \S+ (\S+) \S+ (.{3})/gm),
      ];
      expect(elf.segments).toEqual(
        loads.map(([, offset, vaddr, fileSize, flags]) => ({
          offset: Number(offset),
          vaddr: Number(vaddr),
          fileSize: Number(fileSize),
          executable: flags?.includes('E') ?? false,
        })),
      );
    });
  });
});
