/**
 * Calls within PostgreSQL's static functions, found in its code: exec_bind_message and exec_execute_message have no
 * symbol in a stripped build, and in most are a part of PostgresMain. Their exported callees have one. x86-64; what
 * is not found beyond doubt is not known.
 */
import type { Elf } from '../../native/elf.ts';
import type { Symbols } from '../collector/target-kind.ts';
import { type Loaded, loaded } from './code.ts';

const CALL = 0xe8;
const JUMP = 0xe9;
/** Of a call, and of a jump: the opcode and 4 bytes of distance. */
const CALL_BYTES = 5;
/** mov $'s', %edi: PortalSuspended, the only message of that type without a body. */
const SUSPENDED_ARGUMENT = Buffer.from([0xbf, 0x73, 0, 0, 0]);
/** jle over the call that follows: one statement is not several. */
const UNLESS_SEVERAL = Buffer.from([0x7e, CALL_BYTES]);
/** xor %esi,%esi: the second argument is NULL. */
const NO_SECOND_ARGUMENT = Buffer.from([0x31, 0xf6]);
/** How far before a call its arguments are set up. */
const ARGUMENTS_BYTES = 40;
/** How far one call is from the next, with what is done between. */
const NEXT_CALL_BYTES = 72;

/** A place in the code. */
interface Place {
  readonly part: Loaded;
  /** Offset in its bytes. */
  readonly at: number;
}

const vaddrOf = ({ part, at }: Place): number => part.segment.vaddr + at;

/** Where the call or jump at `at` goes to; null where there is none. */
function targetAt({ segment, bytes }: Loaded, at: number, opcode: number): number | null {
  if (at < 0 || bytes[at] !== opcode || at + CALL_BYTES > bytes.length) return null;
  return segment.vaddr + at + CALL_BYTES + bytes.readInt32LE(at + 1);
}

/** All calls of these functions, by their address. */
function callsOf(elf: Elf, functions: ReadonlySet<number>): Map<number, Place[]> {
  const calls = new Map<number, Place[]>();
  for (const part of loaded(elf)) {
    if (!part.segment.executable) continue;
    const { bytes } = part;
    for (let at = bytes.indexOf(CALL); at >= 0; at = bytes.indexOf(CALL, at + 1)) {
      const target = targetAt(part, at, CALL);
      if (target === null || !functions.has(target)) continue;
      calls.set(target, [...(calls.get(target) ?? []), { part, at }]);
    }
  }
  return calls;
}

/** The calls that probes sit at; null: not known. */
export interface StaticCalls {
  /** exec_simple_query: BeginImplicitTransactionBlock(), before each of several statements. */
  readonly several: number | null;
  /** exec_execute_message: SetRemoteDestReceiverParams(receiver, portal) */
  readonly execute: number | null;
  /** … and pq_putemptymessage('s'): the portal has more rows to give. */
  readonly suspended: number | null;
  /** The end of exec_bind_message: pq_getmsgend(input_message), */
  readonly message: number | null;
  /** GetCachedPlan(psrc, params, …), */
  readonly plan: number | null;
  /** PortalDefineQuery(portal, saved_stmt_name, …) */
  readonly define: number | null;
}

const found = new WeakMap<Elf, StaticCalls>();

export function staticCalls(elf: Elf, symbols: Symbols): StaticCalls {
  let calls = found.get(elf);
  if (!calls) {
    calls = findCalls(elf, symbols);
    found.set(elf, calls);
  }
  return calls;
}

/** Exported functions that they call. */
export const CALLED = [
  'SetRemoteDestReceiverParams',
  'PortalRun',
  'pq_putemptymessage',
  'pq_getmsgend',
  'GetCachedPlan',
  'PortalDefineQuery',
  'BeginImplicitTransactionBlock',
] as const;

function findCalls(elf: Elf, symbols: Symbols): StaticCalls {
  const addressOf = (name: (typeof CALLED)[number]) => symbols.get(name)?.vaddr ?? 0;
  const wanted = [
    addressOf('SetRemoteDestReceiverParams'),
    addressOf('pq_putemptymessage'),
    addressOf('PortalDefineQuery'),
    addressOf('BeginImplicitTransactionBlock'),
  ];
  const calls = callsOf(elf, new Set(wanted.filter((address) => address !== 0)));
  const [receivers = [], empties = [], defines = [], begins = []] = wanted.map(
    (to) => calls.get(to) ?? [],
  );
  const isBehind = ({ part, at }: Place, code: Buffer) =>
    at >= code.length && part.bytes.subarray(at - code.length, at).equals(code);

  // The other call of it is in exec_simple_query, where PortalRun is next.
  const simple = receivers.filter((place) => leadsTo(place, addressOf('PortalRun')));
  const others = receivers.filter((place) => !simple.includes(place));
  const execute = simple.length === 1 ? only(others) : null;
  const suspended = only(empties.filter((place) => isBehind(place, SUSPENDED_ARGUMENT)));
  // From 18 on start_xact_command calls it too, within a pipeline.
  const several = only(begins) ?? only(begins.filter((place) => isBehind(place, UNLESS_SEVERAL)));
  // All others have NULL for the statement's name.
  const define = only(
    defines.filter(({ part, at }) => {
      const setUp = part.bytes.subarray(Math.max(at - ARGUMENTS_BYTES, 0), at);
      return !setUp.includes(NO_SECOND_ARGUMENT);
    }),
  );
  const plan = define && callBefore(define, addressOf('GetCachedPlan'));
  const message = plan && callBefore(plan, addressOf('pq_getmsgend'));
  const vaddr = (place: Place | null) => place && vaddrOf(place);
  return {
    several: vaddr(several),
    execute: vaddr(execute),
    suspended: vaddr(suspended),
    message: vaddr(message),
    plan: vaddr(plan),
    define: vaddr(define),
  };
}

/** Whether a call of that function follows soon behind this one, be it over a jump. */
function leadsTo({ part, at }: Place, vaddr: number): boolean {
  const next = at + CALL_BYTES;
  const jump = targetAt(part, next, JUMP);
  const from = jump === null ? next : jump - part.segment.vaddr;
  for (let after = from; after < from + NEXT_CALL_BYTES; after++)
    if (targetAt(part, after, CALL) === vaddr) return true;
  return false;
}

/** The call of that function shortly before this one. */
function callBefore({ part, at }: Place, vaddr: number): Place | null {
  for (let before = at - CALL_BYTES; before >= at - NEXT_CALL_BYTES; before--)
    if (targetAt(part, before, CALL) === vaddr) return { part, at: before };
  return null;
}

const only = <T>(places: readonly T[]): T | null =>
  places.length === 1 ? (places[0] ?? null) : null;
