/** The symbols of ELF files: the tables of System V ABI (Elf64_Sym) in .dynsym and .symtab. */
import { type Elf, type ElfSymbol, invalidElf, readTable, u64 } from './elf.ts';

const SHT_SYMTAB = 2;
const SHT_DYNSYM = 11;

const SYM_SIZE = 24;
const STT_OBJECT = 1;
const STT_FUNC = 2;
const SHN_UNDEF = 0;

/**
 * The defined functions and variables with one of these names, from .dynsym and .symtab.
 * @throws LiveAuditError ELF
 */
export function findSymbols(elf: Elf, names: ReadonlySet<string>): Map<string, ElfSymbol> {
  const found = new Map<string, ElfSymbol>();
  const longest = Math.max(0, ...[...names].map((name) => name.length));
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
      const start = table.readUInt32LE(at);
      // No search for the end beyond the names that are wanted: it could be the whole file, each time.
      const from = text.toString('latin1', start, start + longest + 1);
      const end = from.indexOf('\0');
      const name = from.slice(0, Math.max(end, 0));
      if (end < 0 || !names.has(name) || found.has(name)) continue;
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

/** The names of a symbol table are searched this much at a time, and no further than the maximum. */
const NAME_CHUNK_BYTES = 1024 * 1024;
const MAX_NAME_BYTES = 64 * 1024 * 1024;

/**
 * Which of the names stand among the names of symbols at all, defined or not: cheap where none does.
 * A name may be the end of a longer one (linkers merge them), so this only rules out.
 * @throws LiveAuditError ELF
 */
export function mentionedNames(elf: Elf, names: ReadonlySet<string>): Set<string> {
  const needles = [...names].map((name) => ({ name, bytes: Buffer.from(`${name}\0`, 'latin1') }));
  const overlap = Math.max(0, ...needles.map(({ bytes }) => bytes.length - 1));
  const found = new Set<string>();
  for (const type of [SHT_DYNSYM, SHT_SYMTAB]) {
    const strings = elf.sections[elf.sections.find((s) => s.type === type)?.link ?? -1];
    const size = Math.min(strings?.size ?? 0, MAX_NAME_BYTES);
    for (let at = 0; strings && at < size; at += NAME_CHUNK_BYTES) {
      const length = Math.min(NAME_CHUNK_BYTES + overlap, size - at);
      const text = readTable(elf.source, strings.offset + at, length, 'symbol names');
      for (const { name, bytes } of needles) if (text.includes(bytes)) found.add(name);
      if (found.size === names.size) return found;
    }
  }
  return found;
}
