/** Places in a program that no symbol names: its stubs for functions of libc, and globals that code tells. */
import { type Elf, fileOffset } from '../../native/elf.ts';
import type { Symbols } from '../collector/target-kind.ts';

const SHT_RELA = 4;
const SHT_DYNSYM = 11;
/** Elf64_Rela: offset, info (symbol index in the upper half), addend. */
const RELA_SIZE = 24;
const SYM_SIZE = 24;
const MAX_TABLE_BYTES = 16 * 1024 * 1024;
/** R_X86_64_JUMP_SLOT */
const JUMP_SLOT = 7;
/** jmp *disp32(%rip), which a stub of a program without CET begins with. */
const JUMP = Buffer.from([0xff, 0x25]);
/** endbr64; bnd jmp *disp32(%rip): a stub in .plt.sec */
const JUMP_CET = Buffer.from([0xf3, 0x0f, 0x1e, 0xfa, 0xf2, 0xff, 0x25]);
const JUMP_CET_PLAIN = Buffer.from([0xf3, 0x0f, 0x1e, 0xfa, 0xff, 0x25]);
export const ENDBR64_SIZE = 4;
const DISP_SIZE = 4;

/** The address of the slot of the global offset table that holds an imported function, or null. */
function slotOf(elf: Elf, name: string): number | null {
  const dynsym = elf.sections.findIndex(({ type }) => type === SHT_DYNSYM);
  const symbols = elf.sections[dynsym];
  const strings = elf.sections[symbols?.link ?? -1];
  if (!symbols || !strings) return null;
  const table = readPart(elf, symbols.offset, symbols.size);
  const names = readPart(elf, strings.offset, strings.size);
  if (!table || !names) return null;
  const wanted = Buffer.from(`${name}\0`, 'latin1');
  for (const { type, offset, size, link } of elf.sections) {
    if (type !== SHT_RELA || link !== dynsym) continue;
    const relocations = readPart(elf, offset, size);
    for (let at = 0; relocations && at + RELA_SIZE <= relocations.length; at += RELA_SIZE) {
      if (relocations.readUInt32LE(at + 8) !== JUMP_SLOT) continue;
      const symbol = relocations.readUInt32LE(at + 12) * SYM_SIZE;
      if (symbol + SYM_SIZE > table.length) continue;
      const start = table.readUInt32LE(symbol);
      if (names.subarray(start, start + wanted.length).equals(wanted))
        return Number(relocations.readBigUInt64LE(at));
    }
  }
  return null;
}

/**
 * The stub by which a program calls an imported function (x86-64; lazy or not, with CET or without): the
 * instruction that jumps through the function's slot, behind a leading endbr64. null where it has none.
 */
export function stubOf(elf: Elf, name: string): number | null {
  const slot = slotOf(elf, name);
  if (slot === null) return null;
  for (const { offset, vaddr, fileSize, executable } of elf.segments) {
    const code = executable ? readPart(elf, offset, fileSize) : null;
    if (!code) continue;
    for (let at = code.indexOf(JUMP); at >= 0; at = code.indexOf(JUMP, at + 1)) {
      const end = at + JUMP.length + DISP_SIZE;
      if (end > code.length || vaddr + end + code.readInt32LE(at + JUMP.length) !== slot) continue;
      for (const prefix of [JUMP_CET, JUMP_CET_PLAIN]) {
        const start = at + JUMP.length - prefix.length;
        if (start >= 0 && code.subarray(start, start + prefix.length).equals(prefix))
          return vaddr + start + ENDBR64_SIZE;
      }
      return vaddr + at;
    }
  }
  return null;
}

/** mov disp32(%rip), %r64: REX.W, opcode, and a ModRM byte whose register is any. */
const REX_W = 0x48;
const MOV_LOAD = 0x8b;
const MODRM_MASK = 0xc7;
const MODRM_RIP = 0x05;
const LONGEST_LOOK = 16;

/** The global that a function loads first (x86-64), or null where it begins otherwise. */
export function firstGlobalOf(elf: Elf, symbols: Symbols, name: string): number | null {
  const symbol = symbols.get(name);
  const offset = symbol ? fileOffset(elf, symbol.vaddr) : null;
  const code = offset === null ? null : readPart(elf, offset, LONGEST_LOOK);
  if (!symbol || !code) return null;
  const at = code[0] === 0xf3 ? ENDBR64_SIZE : 0;
  if (code[at] !== REX_W || code[at + 1] !== MOV_LOAD) return null;
  if (((code[at + 2] ?? 0) & MODRM_MASK) !== MODRM_RIP) return null;
  return symbol.vaddr + at + 3 + DISP_SIZE + code.readInt32LE(at + 3);
}

/** @returns null where it is too long, or outside of the file */
export function readPart(elf: Elf, offset: number, size: number): Buffer | null {
  if (size > MAX_TABLE_BYTES || offset + size > elf.source.size) return null;
  return elf.source.read(offset, size);
}
