/**
 * Where the variable is that a small function returns, read off its code: servers without a symbol table export
 * `GetCurrentStatementStartTimestamp` and `geterrcode`, but not the static variables behind them. Pure.
 *
 * The code is followed from its entry to its return with the few instructions that compilers make of
 * `return variable;` and `return array[depth].member;` on x86-64 (Intel SDM volume 2). Whatever else comes ends
 * it: not known.
 */
import { withinBounds } from '../events/bounded.ts';

export interface Accessed {
  /** Address from which the returned value was loaded. */
  readonly result: number;
  /** Addresses of the variables that were read before it, in that order. */
  readonly before: readonly number[];
}

const MAX_INSTRUCTIONS = 64;
const RAX = 0;
const RSP = 4;

interface Memory {
  readonly address: number;
  readonly length: number;
}

/**
 * @param code the function, from its link-time address `vaddr` on
 * @param value what a variable holds that is read on the way
 * @returns null where the code does something else
 */
export function accessedBy(code: Uint8Array, vaddr: number, value: number): Accessed | null {
  const view = new DataView(code.buffer, code.byteOffset, code.byteLength);
  return withinBounds(() => follow(view, vaddr, value)); // the code may end within an instruction
}

function follow(view: DataView, vaddr: number, value: number): Accessed | null {
  const registers = new Array<number>(16).fill(0);
  const loads: number[] = [];
  /** Whether rax holds what was loaded last. */
  let isResult = false;
  let at = 0;

  const memory = (pos: number, rex: number, length: number): Memory | null => {
    const modrm = view.getUint8(pos);
    const mod = modrm >> 6;
    const rm = modrm & 7;
    if (mod === 3) return null;
    if (mod === 0 && rm === 5) {
      const end = pos + 5 + length;
      return { address: vaddr + end + view.getInt32(pos + 1, true), length: 5 };
    }
    let size = 1;
    let address: number;
    if (rm === RSP) {
      const sib = view.getUint8(pos + 1);
      size = 2;
      const index = ((sib >> 3) & 7) | ((rex & 2) << 2);
      const noBase = (sib & 7) === 5 && mod === 0;
      address = noBase ? 0 : (registers[(sib & 7) | ((rex & 1) << 3)] ?? 0);
      if (index !== RSP) address += (registers[index] ?? 0) * 2 ** (sib >> 6);
      if (noBase) {
        address += view.getInt32(pos + size, true);
        size += 4;
      }
    } else address = registers[rm | ((rex & 1) << 3)] ?? 0;
    if (mod === 1) return { address: address + view.getInt8(pos + size), length: size + 1 };
    if (mod === 2) return { address: address + view.getInt32(pos + size, true), length: size + 4 };
    return { address, length: size };
  };

  for (let n = 0; n < MAX_INSTRUCTIONS; n++) {
    if (view.getUint8(at) === 0xf3 && view.getUint32(at, true) === 0xfa1e0ff3) {
      at += 4; // endbr64
      continue;
    }
    let rex = 0;
    let pos = at;
    if ((view.getUint8(pos) & 0xf0) === 0x40) rex = view.getUint8(pos++);
    const opcode = view.getUint8(pos++);
    if (opcode === 0xc3) {
      const result = loads.pop();
      return isResult && result !== undefined ? { result, before: loads } : null;
    }
    if (opcode >= 0x50 && opcode < 0x60) {
      at = pos; // push, pop
      continue;
    }
    if (opcode === 0x98 && rex === 0x48) {
      at = pos; // cltq
      continue;
    }
    if (opcode === 0x78 || opcode === 0x79) {
      const target = pos + 1 + view.getInt8(pos);
      at = opcode === 0x79 ? target : pos + 1; // js, jns: nothing here is negative
      continue;
    }
    if (opcode === 0xeb) {
      at = pos + 1 + view.getInt8(pos);
      continue;
    }
    if (opcode === 0x0f) {
      const second = view.getUint8(pos);
      if (second !== 0x88 && second !== 0x89) return null;
      at = second === 0x89 ? pos + 5 + view.getInt32(pos + 1, true) : pos + 5;
      continue;
    }
    const modrm = view.getUint8(pos);
    const reg = ((modrm >> 3) & 7) | ((rex & 4) << 1);
    const direct = modrm >> 6 === 3 ? (modrm & 7) | ((rex & 1) << 3) : -1;
    switch (opcode) {
      case 0x85: // test
        if (direct < 0) return null;
        at = pos + 1;
        break;
      case 0x83: {
        // add, sub of an immediate: the stack pointer's is nothing to us
        if (direct < 0) return null;
        const by = view.getInt8(pos + 1);
        const extension = (modrm >> 3) & 7;
        if (extension !== 0 && extension !== 5 && direct !== RSP) return null;
        if (direct !== RSP)
          registers[direct] = (registers[direct] ?? 0) + (extension === 0 ? by : -by);
        at = pos + 2;
        break;
      }
      case 0x63: // movslq
      case 0x8b: {
        if (direct >= 0) {
          registers[reg] = registers[direct] ?? 0;
          if (reg === RAX) isResult = false;
          at = pos + 1;
          break;
        }
        const from = memory(pos, rex, 0);
        if (!from) return null;
        loads.push(from.address);
        registers[reg] = value;
        isResult = reg === RAX;
        at = pos + from.length;
        break;
      }
      case 0x89: // mov register to register
        if (direct < 0) return null;
        registers[direct] = registers[reg] ?? 0;
        if (direct === RAX) isResult = false;
        at = pos + 1;
        break;
      case 0x8d: {
        const from = memory(pos, rex, 0);
        if (!from) return null;
        registers[reg] = from.address;
        if (reg === RAX) isResult = false;
        at = pos + from.length;
        break;
      }
      case 0x69:
      case 0x6b: {
        if (direct < 0) return null;
        const by = opcode === 0x69 ? view.getInt32(pos + 1, true) : view.getInt8(pos + 1);
        registers[reg] = (registers[direct] ?? 0) * by;
        if (reg === RAX) isResult = false;
        at = pos + (opcode === 0x69 ? 5 : 2);
        break;
      }
      case 0xc1: // shl
        if (direct < 0 || ((modrm >> 3) & 7) !== 4) return null;
        registers[direct] = (registers[direct] ?? 0) * 2 ** view.getUint8(pos + 1);
        if (direct === RAX) isResult = false;
        at = pos + 2;
        break;
      case 0x01: // add
        if (direct < 0) return null;
        registers[direct] = (registers[direct] ?? 0) + (registers[reg] ?? 0);
        if (direct === RAX) isResult = false;
        at = pos + 1;
        break;
      default:
        return null;
    }
  }
  return null;
}
