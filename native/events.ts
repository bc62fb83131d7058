/**
 * The reader's side of bpf/event.h: one header and one text layout for all tables. The two are compared
 * by test/unit/event-layout.test.ts, which reads the C side from the compiled object's BTF.
 */

/** struct record_header */
export const RecordHeader = {
  type: 0,
  probe: 1,
  flags: 2,
  target: 4,
  time: 8,
  tgid: 16,
  seq: 20,
  size: 24,
} as const;

/** A record of a tracepoint: it belongs to no probe of a target. */
export const PROBE_NONE = 255;

/** enum record_flag */
export const RecordFlag = { LAST: 1, READ_FAILED: 2, TEXT_CUT: 4, LATE: 8 } as const;

/** struct text_record */
export const TextRecord = { size: 24, total: 28, text: 32 } as const;

/** enum counter: index into the map `counters`. */
export const Counter = {
  SEEN: 0,
  LOST_RESERVE: 1,
  LOST_STATE: 2,
  RECORDS_LOST: 3,
  READ_FAILED: 4,
  FILTERED: 5,
} as const;

/** struct target, and what a map of them holds. */
export const TargetLayout = {
  probes: 16,
  symbols: 16,
  max: 256,
  probe_vaddr: 0,
  symbol_vaddr: 128,
  probe_offset: 256,
  in_use: 384,
  places: 388,
  program: 392,
  build_id: 408,
  inode: 456,
  path: 520,
  name: 1032,
  size: 1544,
} as const;

/** struct probe_stats */
export const ProbeStats = { hits: 0, last: 8, lost: 16, size: 24 } as const;

/** A uprobe's cookie: target in the upper half, probe in the lower (COOKIE_TARGET, COOKIE_PROBE). */
export const cookie = (target: number, probe: number): bigint =>
  (BigInt(target) << 32n) | BigInt(probe);

const WORD = 2 ** 32;
/** High words of the integers that a Number holds exactly. */
const EXACT_HIGH = 2 ** 21;

/** An unsigned 64-bit member as a number: exact up to 2^53, which times, addresses and counts keep. */
export const u64 = (view: DataView, at: number): number =>
  view.getUint32(at + 4, true) * WORD + view.getUint32(at, true);

/** The same: a bigint only where it must be, which costs more. */
export const exactU64 = (view: DataView, at: number): number | bigint =>
  view.getUint32(at + 4, true) >= EXACT_HIGH ? view.getBigUint64(at, true) : u64(view, at);
