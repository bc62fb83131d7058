/**
 * How a function uses the memory behind one of its arguments: a walk along its code in the order in which it
 * lies there, which for the small accessors of a server is the order in which it runs. Pure.
 */
import { decode, type Instruction, Register } from '../../native/x86.ts';

export interface Access {
  readonly kind: 'load' | 'store' | 'address' | 'add' | 'compare';
  /** From where the object begins, bytes. */
  readonly offset: number;
  /** Of loads and addresses: the register that gets it, which then stands for `origin` below. */
  readonly register: number;
  /** What the base register was: the argument (0), or the nth access before (n). */
  readonly origin: number;
}

const MAX_INSTRUCTIONS = 200;
const MOV_LOAD = 0x8b;
const MOV_STORE = 0x89;
const MOV_IMMEDIATE = 0xc7;
const LEA = 0x8d;
const ADD_LOAD = 0x03;
const ADD_STORE = 0x01;
const COMPARE_IMMEDIATE = 0x83;
const COMPARE_EXTENSION = 7;
const CALL = 0xe8;
const CALL_INDIRECT = 0xff;
/** ret, jmp: what lies behind is reached from elsewhere in the function, where only saved registers hold. */
const LEAVES = new Set([0xc3, 0xe9, 0xeb]);
const POP = 0x58;
/** What a called function may change: rax, rcx, rdx, rsi, rdi, r8 to r11 (System V ABI). */
const CALLER_SAVED = [0, 1, 2, 6, 7, 8, 9, 10, 11];

/**
 * The accesses through the register `argument`, its copies, and what was loaded or addressed through it.
 * Ends with the code, or at the first instruction that is not known.
 */
export function accessesOf(code: Uint8Array, argument: number = Register.RDI): Access[] {
  const accesses: Access[] = [];
  const origins = new Map<number, number>([[argument, 0]]);
  for (let at = 0, n = 0; n < MAX_INSTRUCTIONS; n++) {
    const instruction = decode(code, at);
    if (instruction === null) break;
    at += instruction.length;
    step(instruction, origins, accesses);
  }
  return accesses;
}

function step(instruction: Instruction, origins: Map<number, number>, accesses: Access[]): void {
  const { opcode, modrm, wide, opcodeRegister } = instruction;
  const calls = opcode === CALL || (opcode === CALL_INDIRECT && (modrm?.reg ?? 0) % 8 === 2);
  if (calls || LEAVES.has(opcode)) {
    for (const register of CALLER_SAVED) origins.delete(register);
    return;
  }
  if (opcode >= POP && opcode < POP + 8) {
    origins.delete(opcodeRegister);
    return;
  }
  if (modrm === null) {
    if (opcode >= 0xb8 && opcode < 0xc0) origins.delete(opcodeRegister);
    return;
  }
  const { reg, direct, memory } = modrm;
  if (direct !== null) {
    if (opcode === MOV_LOAD || opcode === MOV_STORE) {
      const [to, from] = opcode === MOV_LOAD ? [reg, direct] : [direct, reg];
      const origin = wide ? origins.get(from) : undefined;
      if (origin === undefined) origins.delete(to);
      else origins.set(to, origin);
    } else if (writes(opcode)) origins.delete(opcode === ADD_LOAD ? reg : direct);
    return;
  }
  const origin = memory === null ? undefined : origins.get(memory.base);
  const kind = kindOf(opcode, reg);
  const gives = kind === 'load' || kind === 'address';
  if (memory !== null && origin !== undefined && kind !== null)
    accesses.push({ kind, offset: memory.displacement, register: reg, origin });
  if (gives && wide && memory !== null && origin !== undefined) origins.set(reg, accesses.length);
  else if (gives || kind === 'add' || opcode === 0x0fb6 || opcode === 0x63)
    if (opcode !== ADD_STORE) origins.delete(reg);
}

function kindOf(opcode: number, reg: number): Access['kind'] | null {
  switch (opcode) {
    case MOV_LOAD:
      return 'load';
    case MOV_STORE:
    case MOV_IMMEDIATE:
      return 'store';
    case LEA:
      return 'address';
    case ADD_LOAD:
    case ADD_STORE:
      return 'add';
    case COMPARE_IMMEDIATE:
      return reg % 8 === COMPARE_EXTENSION ? 'compare' : null;
    default:
      return null;
  }
}

/** Arithmetic between registers that leaves another value than the pointer. */
const writes = (opcode: number): boolean => opcode < 0x38 || opcode === 0x83 || opcode === 0x81;
