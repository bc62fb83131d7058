/** Places in a program's code that no symbol names, by what the code refers to. x86-64. Pure. */
import type { Elf } from '../../native/elf.ts';
import { decode } from '../../native/x86.ts';
import { readPart } from './stubs.ts';

/** Code at its link-time address. */
export interface Code {
  readonly bytes: Buffer;
  readonly vaddr: number;
}

export interface Call {
  readonly at: number;
  readonly target: number;
  /** Of the instruction behind it. */
  readonly next: number;
}

export const OPCODE_CALL = 0xe8;
const CALL_LENGTH = 5;
/** lea disp32(%rip), %r64: REX.W with any register. */
const LEA = { opcode: 0x8d, modrmMask: 0xc7, modrmRip: 0x05, length: 7 } as const;
/** [endbr64; bnd] jmp *disp32(%rip): a stub of the procedure linkage table. */
const STUB_LENGTH = 8;
const JUMP_INDIRECT = Buffer.from([0xff, 0x25]);

/** What is found in a program is asked for by each of its probes, and found once. */
export function once<T>(find: (elf: Elf) => T): (elf: Elf) => T {
  const known = new WeakMap<Elf, { readonly found: T }>();
  return (elf) => {
    const before = known.get(elf);
    if (before) return before.found;
    const found = find(elf);
    known.set(elf, { found });
    return found;
  };
}

export function codeOf(elf: Elf): Code | null {
  const segment = elf.segments.find(({ executable }) => executable);
  const bytes = segment && readPart(elf, segment.offset, segment.fileSize);
  return segment && bytes ? { bytes, vaddr: segment.vaddr } : null;
}

/** Where these bytes are, or null. */
export function addressOf(elf: Elf, bytes: Buffer): number | null {
  for (const { offset, vaddr, fileSize } of elf.segments) {
    const at = readPart(elf, offset, fileSize)?.indexOf(bytes) ?? -1;
    if (at >= 0) return vaddr + at;
  }
  return null;
}

/** The last place where this address is loaded: a position in the code, or null. */
export function lastLoadOf({ bytes, vaddr }: Code, address: number): number | null {
  for (let at = bytes.lastIndexOf(LEA.opcode); at > 0; at = bytes.lastIndexOf(LEA.opcode, at - 1)) {
    const start = at - 1;
    if (
      start + LEA.length > bytes.length ||
      ((bytes[at + 1] ?? 0) & LEA.modrmMask) !== LEA.modrmRip
    )
      continue;
    if (vaddr + start + LEA.length + bytes.readInt32LE(at + 2) === address) return start;
  }
  return null;
}

/** Bytes of a displacement, with which an instruction mostly ends. */
const DISPLACEMENT = 4;

/** Behind each instruction that refers to this address, relative to its own end: positions in the code. */
export function referencesTo({ bytes, vaddr }: Code, address: number): number[] {
  const found: number[] = [];
  for (let end = DISPLACEMENT; end <= bytes.length; end++)
    if (vaddr + end + bytes.readInt32LE(end - DISPLACEMENT) === address) found.push(end);
  return found;
}

/** The call at this position. */
export function callAt({ bytes, vaddr }: Code, position: number): Call {
  const next = vaddr + position + CALL_LENGTH;
  return { at: vaddr + position, next, target: next + bytes.readInt32LE(position + 1) };
}

/** The first calls within so many instructions from a position on. */
export function callsFrom(code: Code, from: number, instructions: number, calls: number): Call[] {
  const found: Call[] = [];
  let position = from;
  for (let i = 0; i < instructions && found.length < calls; i++) {
    const instruction = decode(code.bytes, position);
    if (instruction === null) break;
    if (instruction.opcode === OPCODE_CALL) found.push(callAt(code, position));
    position += instruction.length;
  }
  return found;
}

/** Whether it is a stub by which a function of a library is called. */
export function isStub({ bytes, vaddr }: Code, target: number): boolean {
  return bytes.subarray(target - vaddr, target - vaddr + STUB_LENGTH).includes(JUMP_INDIRECT);
}
