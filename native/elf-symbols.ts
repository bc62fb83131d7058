/** The symbols of ELF files: the tables of System V ABI (Elf64_Sym) in .dynsym and .symtab. */
import { type Elf, type ElfSymbol, invalidElf, readTable, u64 } from './elf.ts';

const SHT_SYMTAB = 2;
const SHT_DYNSYM = 11;

const SYM_SIZE = 24;
const STT_OBJECT = 1;
const STT_FUNC = 2;
const SHN_UNDEF = 0;

/** Bytes of a name that are looked at first. */
const BEGIN = 4;
const HASH_BITS = 12;
const HASH_FACTOR = 0x9e37_79b1;
const slotOf = (begin: number): number => Math.imul(begin, HASH_FACTOR) >>> (32 - HASH_BITS);

interface Name {
  readonly name: string;
  /** With the NUL at its end. */
  readonly bytes: Buffer;
}

/** Names that are told apart from nearly all others by their first four bytes, the NUL at the end included. */
class Names {
  /** Whether any name has such first bytes: by a hash of them. */
  readonly #flags = new Uint8Array(2 ** HASH_BITS);
  readonly #byBegin = new Map<number, Name[]>();
  /** Those that are shorter. */
  readonly #short: Name[] = [];

  constructor(names: Iterable<string>) {
    for (const name of names) {
      const bytes = Buffer.from(`${name}\0`, 'latin1');
      if (bytes.length < BEGIN) {
        this.#short.push({ name, bytes });
        continue;
      }
      const begin = bytes.readUInt32LE(0);
      this.#flags[slotOf(begin)] = 1;
      this.#byBegin.set(begin, [...(this.#byBegin.get(begin) ?? []), { name, bytes }]);
    }
  }

  /** The name that stands at `start` of a table of names, if it is one of these. */
  at(text: Buffer, start: number): string | null {
    for (const one of this.#short) if (standsAt(text, start, one)) return one.name;
    if (start + BEGIN > text.length) return null;
    const begin = text.readUInt32LE(start);
    if (this.#flags[slotOf(begin)] === 0) return null;
    return this.#byBegin.get(begin)?.find((one) => standsAt(text, start, one))?.name ?? null;
  }
}

function standsAt(text: Buffer, start: number, { bytes }: Name): boolean {
  for (let i = 0; i < bytes.length; i++) if (text[start + i] !== bytes[i]) return false;
  return true;
}

/**
 * The defined functions and variables with one of these names, from .dynsym and .symtab.
 * @throws LiveAuditError ELF
 */
export function findSymbols(elf: Elf, names: ReadonlySet<string>): Map<string, ElfSymbol> {
  const found = new Map<string, ElfSymbol>();
  const wanted = new Names(names);
  // The ABI allows one of each; a hostile file with thousands must not keep us busy.
  const tables = [SHT_DYNSYM, SHT_SYMTAB].map((type) => elf.sections.find((s) => s.type === type));
  for (const section of tables) {
    if (!section) continue;
    const strings = elf.sections[section.link];
    if (!strings) throw invalidElf('a symbol table without strings');
    const table = readTable(elf.source, section.offset, section.size, 'symbols');
    const text = readTable(elf.source, strings.offset, strings.size, 'symbol names');
    for (let at = 0; at + SYM_SIZE <= table.length; at += SYM_SIZE) {
      const type = (table[at + 4] ?? 0) & 0xf;
      if (type !== STT_FUNC && type !== STT_OBJECT) continue;
      if (table.readUInt16LE(at + 6) === SHN_UNDEF) continue;
      const name = wanted.at(text, table.readUInt32LE(at));
      if (name === null || found.has(name)) continue;
      found.set(name, {
        name,
        vaddr: u64(table, at + 8),
        size: u64(table, at + 16),
        kind: type === STT_FUNC ? 'function' : 'object',
      });
    }
  }
  return found;
}
