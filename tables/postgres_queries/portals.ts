/**
 * Where a server keeps its portals: PortalHashTable is static, but Portal GetPortalByName(const char *) looks into it,
 * so the code of that tells. x86-64; what is not found beyond doubt is not known.
 */
import type { Elf } from '../../native/elf.ts';
import { decode } from '../../native/x86.ts';
import type { Symbols } from '../collector/target-kind.ts';
import { codeOf } from './code.ts';

/** mov PortalHashTable(%rip),%rdi: the first argument of hash_search. */
const LOAD = Buffer.from([0x48, 0x8b, 0x3d]);
const LOAD_BYTES = LOAD.length + 4;
const CALL = 0xe8;
/** It returns early where there is no name; behind the second return another function may stand. */
const RETURN = 0xc3;
const MAX_RETURNS = 2;

/** More names that it asks for. */
export const ASKED = ['GetPortalByName', 'hash_search'] as const;

/** Its address, of a build without a symbol of it; null: not known. @throws LiveAuditError ELF */
export function portalTable(elf: Elf, symbols: Symbols): number | null {
  const [lookup, search] = [symbols.get('GetPortalByName'), symbols.get('hash_search')];
  const code = lookup && codeOf(elf, lookup);
  return code && search ? tableOf(code, lookup.vaddr, search.vaddr) : null;
}

/**
 * What is loaded as the first argument of the call of `search`. Pure.
 * @param code of GetPortalByName, from its link-time address `vaddr` on
 */
export function tableOf(code: Buffer, vaddr: number, search: number): number | null {
  let table: number | null = null;
  let returns = 0;
  for (let at = 0; at < code.length && returns < MAX_RETURNS; ) {
    const instruction = decode(code, at);
    if (instruction === null) return null;
    const next = at + instruction.length;
    if (code.subarray(at, at + LOAD.length).equals(LOAD) && instruction.length === LOAD_BYTES)
      table = vaddr + next + code.readInt32LE(next - 4);
    if (code[at] === RETURN) returns++;
    if (code[at] === CALL)
      return vaddr + next + code.readInt32LE(next - 4) === search ? table : null;
    at = next;
  }
  return null;
}
