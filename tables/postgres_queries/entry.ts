/**
 * Where to probe near a function's entry so that it is cheap: the kernel emulates a few instructions (push, nop,
 * jumps, calls: arch/x86/kernel/uprobes.c), which costs 0.5 µs; any other is single-stepped, at 10 µs. Pure.
 */

/** The bytes of an instruction; null stands for any. */
export type Instruction = readonly (number | null)[];

const ENDBR64: Instruction = [0xf3, 0x0f, 0x1e, 0xfa];
const REX_B = 0x41;
/** First and last opcode of each: push, nop, jcc, call, jmp, short jmp. */
const EMULATED = [
  [0x50, 0x57],
  [0x90, 0x90],
  [0x70, 0x7f],
  [0xe8, 0xe9],
  [0xeb, 0xeb],
] as const;
/** Behind 0x0f: long nop, jcc. */
const EMULATED_0F = [
  [0x1f, 0x1f],
  [0x80, 0x8f],
] as const;

/** Bytes of a function that are looked at. */
export const ENTRY_BYTES = 32;

function isEmulated(code: Uint8Array, at: number): boolean {
  const first = code[at] ?? 0;
  const within = (opcode: number) => (range: readonly [number, number]) =>
    opcode >= range[0] && opcode <= range[1];
  if (first === 0x0f) return EMULATED_0F.some(within(code[at + 1] ?? 0));
  const opcode = first === REX_B ? (code[at + 1] ?? 0) : first;
  return first === REX_B ? within(opcode)(EMULATED[0]) : EMULATED.some(within(opcode));
}

const isAt = (code: Uint8Array, at: number, instruction: Instruction): boolean =>
  instruction.every((byte, i) => byte === null || code[at + i] === byte);

/**
 * @param code from the entry on
 * @param over what may be stepped over: instructions that leave alone what the probe reads
 * @returns bytes behind the entry of the first emulated instruction; where there is none, 0 (or behind endbr64)
 */
export function cheapEntry(code: Uint8Array, over: readonly Instruction[]): number {
  const skip = isAt(code, 0, ENDBR64) ? ENDBR64.length : 0;
  for (let at = skip; at < ENTRY_BYTES; ) {
    if (isEmulated(code, at)) return at;
    const next = over.find((instruction) => isAt(code, at, instruction));
    if (!next) break;
    at += next.length;
  }
  return skip;
}

/** Whether one of these is stepped over on the way to `end`. */
export function stepsOver(
  code: Uint8Array,
  end: number,
  over: readonly Instruction[],
  wanted: Instruction,
): boolean {
  for (let at = isAt(code, 0, ENDBR64) ? ENDBR64.length : 0; at < end; ) {
    const next = over.find((instruction) => isAt(code, at, instruction));
    if (!next) return false;
    if (next === wanted) return true;
    at += next.length;
  }
  return false;
}
