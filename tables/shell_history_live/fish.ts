/**
 * Where fish 3 and 4 (x86-64) say what they run. They have no symbols; the function that reads and runs commands is
 * known by the names of two events, `fish_preexec` and `fish_postexec`, that it alone fires (bpf/fish.bpf.h).
 */
import type { Elf } from '../../native/elf.ts';
import { decode, Register } from '../../native/x86.ts';
import {
  addressOf,
  type Call,
  type Code,
  callsFrom,
  codeOf,
  isStub,
  lastLoadOf,
  OPCODE_CALL,
  once,
  referencesTo,
} from './code.ts';

export interface FishPlaces {
  /** The call that fires fish_preexec. */
  readonly preexec: number;
  /** The call that fires fish_postexec. */
  readonly postexec: number;
  /** The instruction behind the call of parser.eval; null where it is not recognised, and in fish 4. */
  readonly evaluated: number | null;
  readonly isRust: boolean;
}

const OPCODE_STORE = 0x89;
/**
 * After a name is loaded come its length, the string, the call: and then what frees them. In fish 4 what allocates
 * and copies may be calls as well.
 */
const CALLS_OF_EVENT = { CXX: 4, RUST: 8 } as const;
const EVENT_INSTRUCTIONS = 64;
/** The result of parser.eval, 12 bytes in rax and edx, is stored soon after the call. */
const STORE_INSTRUCTIONS = 12;
const RESULT_HALF = 8;
const MAX_SPAN = 16 * 1024;

/** @returns null where this is not a fish as we know it */
export const fishPlaces = once((elf): FishPlaces | null => {
  const code = codeOf(elf);
  if (!code) return null;
  const isRust = addressOf(elf, wide('fish_preexec\0')) === null;
  const callsOf = isRust ? rustCalls : cxxCalls;
  const [before, after] = [callsOf(elf, code, 'fish_preexec'), callsOf(elf, code, 'fish_postexec')];
  const targets = new Set(before.map(({ target }) => target));
  const fire = after.filter(({ target }) => targets.has(target) && !isStub(code, target)).at(-1);
  const preexec = before.find(({ target }) => target === fire?.target);
  if (!fire || !preexec || fire.at <= preexec.at || fire.at > preexec.at + MAX_SPAN) return null;
  const evaluated = isRust ? null : resultOfEval(code, preexec.at, fire.at);
  return { preexec: preexec.at, postexec: fire.at, evaluated, isRust };
});

/** As both keep their texts: UTF-32. */
const wide = (text: string): Buffer =>
  Buffer.from([...text].flatMap((c) => [c.charCodeAt(0), 0, 0, 0]));

/** The calls behind the last place where an event's name, which a NUL ends, is loaded. */
function cxxCalls(elf: Elf, code: Code, event: string): Call[] {
  const address = addressOf(elf, wide(`${event}\0`));
  const at = address === null ? null : lastLoadOf(code, address);
  return at === null ? [] : callsFrom(code, at, EVENT_INSTRUCTIONS, CALLS_OF_EVENT.CXX);
}

/** The calls behind the only place where an event's name is copied from. */
function rustCalls(elf: Elf, code: Code, event: string): Call[] {
  const address = addressOf(elf, wide(event));
  const [at, another] = address === null ? [] : referencesTo(code, address);
  if (at === undefined || another !== undefined) return [];
  return callsFrom(code, at, EVENT_INSTRUCTIONS, CALLS_OF_EVENT.RUST);
}

/**
 * Of the calls between the two events, the one whose result of 12 bytes is kept on the stack: rax and, 8 bytes
 * behind it, edx. No other has one.
 * @returns the address of the instruction behind the call
 */
function resultOfEval(code: Code, from: number, to: number): number | null {
  const found: number[] = [];
  let after: { at: number; left: number; rax: number | null; rdx: number | null } | null = null;
  for (let position = from - code.vaddr; position < to - code.vaddr; ) {
    const instruction = decode(code.bytes, position);
    if (instruction === null) return null;
    position += instruction.length;
    if (instruction.opcode === OPCODE_CALL) {
      after = { at: code.vaddr + position, left: STORE_INSTRUCTIONS, rax: null, rdx: null };
      continue;
    }
    if (after === null || after.left-- === 0) {
      after = null;
      continue;
    }
    const { opcode, modrm, wide } = instruction;
    if (opcode !== OPCODE_STORE || modrm?.memory?.base !== Register.RSP) continue;
    if (modrm.reg === Register.RAX && wide) after.rax = modrm.memory.displacement;
    if (modrm.reg === Register.RDX && !wide) after.rdx = modrm.memory.displacement;
    if (after.rax !== null && after.rdx === after.rax + RESULT_HALF) {
      found.push(after.at);
      after = null;
    }
  }
  return found.length === 1 ? (found[0] ?? null) : null;
}
