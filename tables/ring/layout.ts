/**
 * Where everything stands in a ring file, in bytes. README.md draws it.
 * All words are little-endian, as both supported machines are (x86-64, arm64).
 */

/** The header page; the data area follows it. */
export const HEADER_BYTES = 4096;

/** The constant part of the header, written once before the file gets its name. */
export const MAGIC = 'LAUDRING';
export const LAYOUT_VERSION = 2;
export const HEADER = {
  /** 8 bytes ASCII. */
  magic: 0,
  /** u32. */
  version: 8,
  /** u64, bytes of the data area. */
  capacity: 16,
  /** u64, the eid of the first record ever stored: the time of creation in Unix microseconds. */
  firstEid: 24,
  /** 32 bytes, SHA-256 of the stored columns. */
  specHash: 32,
  /** UTF-8, padded with NUL to `TABLE_BYTES`. */
  table: 64,
  /** u32, CRC-32 of all bytes before it. */
  crc: 252,
} as const;
export const TABLE_BYTES = 128;

/** The words that change, each group in a cache line of its own (u64, 8-byte aligned). */
export const HEAD = 256;
export const TAIL = 320;
export const LEDGER = 384;
/** Room for the ledger; the slots without a name are zero. */
export const LEDGER_SLOTS = 32;

/** The epoch: u64 id (0: none), u64 eid of its first record, then the ledger as it was when it began. */
export const EPOCH_ID = 704;
export const EPOCH_EID = 712;
export const EPOCH_BASES = 768;

/** The name of each ledger slot, by index. Add at the end only: files in use keep their numbers. */
export const LEDGER_NAMES = [
  'events_seen',
  'events_stored',
  'overwritten',
  'lost_reserve',
  'lost_read',
  'lost_state',
  'lost_decode',
  'lost_incomplete',
  'lost_redaction',
  'lost_store',
  'lost_kernel',
  'lost_gap',
] as const;
export type LedgerName = (typeof LEDGER_NAMES)[number];
export type Ledger = Readonly<Record<LedgerName, number>>;

/** Limits of the data area; its size is a power of two. */
export const MIN_CAPACITY = 2 ** 16;
export const MAX_CAPACITY = 2 ** 32;

/** A record or pad begins and ends with the same frame word: u32 length (of the whole), u32 kind. */
export const FRAME_BYTES = 8;
/** Frame kinds: 'RECD' and 'PADD' read as little-endian u32. */
export const RECORD = 0x4443_4552;
export const PAD = 0x4444_4150;

/** Within a record, after its frame word. */
export const RECORD_EID = 8;
export const RECORD_TIME = 16;
/** u64, where the bytes that completed the event ended in the kernel's ring buffer. */
export const RECORD_SOURCE = 24;
export const RECORD_NULLS = 32;

/** The longest record that a ring takes, in bytes: with it, appending never empties the ring. */
export const maxRecordBytes = (capacity: number): number => capacity / 4;

export function isCapacity(bytes: number): boolean {
  return bytes >= MIN_CAPACITY && bytes <= MAX_CAPACITY && Number.isInteger(Math.log2(bytes));
}

/** The typed arrays over one stretch of memory: 8-byte aligned, a multiple of 8 bytes long. */
export class Views {
  readonly bytes: Buffer;
  readonly u32: Uint32Array;
  readonly i32: Int32Array;
  readonly i64: BigInt64Array;
  readonly f64: Float64Array;

  constructor(buffer: ArrayBuffer, offset = 0, length = buffer.byteLength - offset) {
    this.bytes = Buffer.from(buffer, offset, length);
    this.u32 = new Uint32Array(buffer, offset, length / 4);
    this.i32 = new Int32Array(buffer, offset, length / 4);
    this.i64 = new BigInt64Array(buffer, offset, length / 8);
    this.f64 = new Float64Array(buffer, offset, length / 8);
  }
}

/** An i64 as a double, rounded to the nearest beyond 2^53 (so order is kept). */
export function roundedI64(views: Views, at: number): number {
  return (views.i32[(at >>> 2) + 1] ?? 0) * 2 ** 32 + (views.u32[at >>> 2] ?? 0);
}
