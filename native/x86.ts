/**
 * Instructions of x86-64, as far as compilers use them in small functions: where each ends, and what it does
 * with memory at an offset from a register. Pure. Facts: Intel SDM volume 2, chapter 2 and appendix A; VEX and
 * EVEX forms are not read.
 */

/** Registers by their number in the encoding. */
export const Register = { RAX: 0, RCX: 1, RDX: 2, RSP: 4, RSI: 6, RDI: 7, R8: 8, R9: 9 } as const;

export interface Instruction {
  readonly length: number;
  /** The opcode's bytes without prefixes: 0x8b, 0x0f1f, 0x0f38xx. */
  readonly opcode: number;
  /** Operates on 8 bytes (REX.W). */
  readonly wide: boolean;
  readonly modrm: ModRm | null;
  /** The register that the low bits of the opcode name: push, pop, mov immediate. */
  readonly opcodeRegister: number;
}

export interface ModRm {
  /** The register operand, or the opcode's extension. */
  readonly reg: number;
  /** The other operand if it is a register, else null. */
  readonly direct: number | null;
  /** Memory at base + displacement; null: a register, an indexed form, or relative to rip. */
  readonly memory: { readonly base: number; readonly displacement: number } | null;
}

const PREFIXES = new Set([0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3]);
const OPERAND_SIZE = 0x66;
const MAX_LENGTH = 15;

type Form = 'none' | 'modrm' | 'bad';

/** Form and bytes of immediates by opcode; `z` is 4 bytes, or 2 with the operand-size prefix. */
function oneByte(op: number): { form: Form; immediate: number | 'z' } {
  const none = { form: 'none', immediate: 0 } as const;
  const modrm = { form: 'modrm', immediate: 0 } as const;
  if (op < 0x40) {
    const low = op & 7;
    if (low < 4) return modrm;
    if (low === 4) return { form: 'none', immediate: 1 };
    if (low === 5) return { form: 'none', immediate: 'z' };
    return { form: 'bad', immediate: 0 };
  }
  if (op >= 0x50 && op < 0x60) return none;
  if (op === 0x63) return modrm;
  if (op === 0x68) return { form: 'none', immediate: 'z' };
  if (op === 0x69) return { form: 'modrm', immediate: 'z' };
  if (op === 0x6a) return { form: 'none', immediate: 1 };
  if (op === 0x6b) return { form: 'modrm', immediate: 1 };
  if (op >= 0x6c && op < 0x70) return none;
  if (op >= 0x70 && op < 0x80) return { form: 'none', immediate: 1 };
  if (op === 0x80 || op === 0x83) return { form: 'modrm', immediate: 1 };
  if (op === 0x81) return { form: 'modrm', immediate: 'z' };
  if (op >= 0x84 && op < 0x90) return modrm;
  if (op >= 0x90 && op < 0xa0) return op === 0x9a ? { form: 'bad', immediate: 0 } : none;
  if (op >= 0xa0 && op < 0xa4) return { form: 'none', immediate: 8 };
  if (op === 0xa8) return { form: 'none', immediate: 1 };
  if (op === 0xa9) return { form: 'none', immediate: 'z' };
  if (op >= 0xa4 && op < 0xb0) return none;
  if (op >= 0xb0 && op < 0xb8) return { form: 'none', immediate: 1 };
  if (op >= 0xb8 && op < 0xc0) return { form: 'none', immediate: 'z' };
  if (op === 0xc0 || op === 0xc1 || op === 0xc6) return { form: 'modrm', immediate: 1 };
  if (op === 0xc2) return { form: 'none', immediate: 2 };
  if (op === 0xc3 || op === 0xc9 || op === 0xcc) return none;
  if (op === 0xc7) return { form: 'modrm', immediate: 'z' };
  if (op >= 0xd0 && op < 0xd4) return modrm;
  if (op >= 0xd8 && op < 0xe0) return modrm;
  if (op >= 0xe0 && op < 0xe4) return { form: 'none', immediate: 1 };
  if (op === 0xe8 || op === 0xe9) return { form: 'none', immediate: 4 };
  if (op === 0xeb) return { form: 'none', immediate: 1 };
  if (op === 0xf6 || op === 0xf7 || op === 0xfe || op === 0xff) return modrm;
  if (op === 0xf4 || op === 0xf5 || (op >= 0xf8 && op < 0xfe)) return none;
  return { form: 'bad', immediate: 0 };
}

function twoBytes(op: number): { form: Form; immediate: number } {
  if (op === 0x05 || op === 0x0b || op === 0x31 || op === 0x77 || op === 0xa2)
    return { form: 'none', immediate: 0 };
  if (op >= 0x80 && op < 0x90) return { form: 'none', immediate: 4 };
  if (op >= 0xc8 && op < 0xd0) return { form: 'none', immediate: 0 };
  if ((op >= 0x70 && op < 0x74) || op === 0xa4 || op === 0xac || op === 0xba)
    return { form: 'modrm', immediate: 1 };
  if (op === 0xc2 || (op >= 0xc4 && op < 0xc7)) return { form: 'modrm', immediate: 1 };
  if (op < 0x0d || (op >= 0x20 && op < 0x28) || (op >= 0x30 && op < 0x40) || op === 0xa0)
    return { form: 'bad', immediate: 0 };
  return { form: 'modrm', immediate: 0 };
}

/** The instruction at `at`; null where it ends beyond the code or is none that is known here. */
export function decode(code: Uint8Array, at: number): Instruction | null {
  const view = new DataView(code.buffer, code.byteOffset, code.byteLength);
  let pos = at;
  let short = false;
  while (PREFIXES.has(code[pos] ?? -1)) {
    if (code[pos] === OPERAND_SIZE) short = true;
    if (++pos - at >= MAX_LENGTH) return null;
  }
  let rex = 0;
  if (((code[pos] ?? 0) & 0xf0) === 0x40) rex = code[pos++] ?? 0;
  const wide = (rex & 8) !== 0;
  const first = code[pos++];
  if (first === undefined) return null;
  let opcode = first;
  let { form, immediate } = oneByte(first);
  if (first === 0x0f) {
    const second = code[pos++];
    if (second === undefined) return null;
    opcode = 0x0f00 | second;
    ({ form, immediate } = twoBytes(second));
    if (second === 0x38 || second === 0x3a) {
      opcode = (opcode << 8) | (code[pos++] ?? 0);
      form = 'modrm';
      immediate = second === 0x3a ? 1 : 0;
    }
  }
  if (form === 'bad') return null;
  let modrm: ModRm | null = null;
  if (form === 'modrm') {
    const operand = decodeModRm(view, pos, rex);
    if (operand === null) return null;
    modrm = operand.modrm;
    pos += operand.length;
    // test r/m, immediate
    if ((first === 0xf6 || first === 0xf7) && (modrm.reg & 7) < 2)
      immediate = first === 0xf6 ? 1 : 'z';
  }
  if (first >= 0xb8 && first < 0xc0 && wide) immediate = 8;
  pos += immediate === 'z' ? (short ? 2 : 4) : immediate;
  const length = pos - at;
  if (pos > code.length || length > MAX_LENGTH) return null;
  return { length, opcode, wide, modrm, opcodeRegister: (first & 7) | ((rex & 1) << 3) };
}

function decodeModRm(
  view: DataView,
  at: number,
  rex: number,
): { modrm: ModRm; length: number } | null {
  if (at >= view.byteLength) return null;
  const byte = view.getUint8(at);
  const mod = byte >> 6;
  const reg = ((byte >> 3) & 7) | ((rex & 4) << 1);
  const rm = byte & 7;
  if (mod === 3) return { modrm: { reg, direct: rm | ((rex & 1) << 3), memory: null }, length: 1 };
  let length = 1;
  let base: number | null = rm | ((rex & 1) << 3);
  if (rm === 4) {
    if (at + length >= view.byteLength) return null;
    const sib = view.getUint8(at + length++);
    const index = ((sib >> 3) & 7) | ((rex & 2) << 2);
    base = (sib & 7) | ((rex & 1) << 3);
    if (index !== 4 || ((sib & 7) === 5 && mod === 0)) base = null;
    if ((sib & 7) === 5 && mod === 0) length += 4;
  } else if (rm === 5 && mod === 0) {
    base = null; // relative to rip
    length += 4;
  }
  let displacement = 0;
  const size = mod === 1 ? 1 : mod === 2 ? 4 : 0;
  if (at + length + size > view.byteLength) return null;
  if (size === 1) displacement = view.getInt8(at + length);
  if (size === 4) displacement = view.getInt32(at + length, true);
  length += size;
  const memory = base === null ? null : { base, displacement };
  return { modrm: { reg, direct: null, memory }, length };
}
