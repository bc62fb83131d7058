/**
 * The reader's side of bpf/postgres.h: what stands where in a record. Pure. A record is read where it lies, in
 * the kernel's memory.
 */
import { RecordHeader, TextRecord, u64 } from '../../native/events.ts';

/** enum postgres_record */
export const PostgresRecord = {
  IDENTITY: 1,
  TEXT: 2,
  ERROR: 3,
  STATEMENT: 4,
  PART: 5,
  DYING: 6,
  EXIT: 7,
  PARAMETERS: 8,
  TYPES: 9,
} as const;

/** enum postgres_protocol */
export const Protocol = { UNKNOWN: 0, SIMPLE: 1, EXTENDED: 2, FASTPATH: 3 } as const;

/** enum postgres_outcome */
export const Outcome = { DONE: 1, EMPTY: 2, SUSPENDED: 3, FAILED: 4, SIGNAL: 5 } as const;

/** enum postgres_known */
export const Known = {
  TAG_TEXT: 1,
  TAG: 2,
  NAME: 4,
  UNNAMED: 8,
  TEXT: 16,
  INLINE: 32,
  WALSENDER: 64,
} as const;

/** enum postgres_identity_known */
export const IdentityKnown = { PORT: 1, APPLICATION: 2 } as const;

/** struct postgres_statement, from its start */
export const StatementLayout = {
  start: 24,
  rows: 32,
  portal: 40,
  tag: 48,
  sqlstate: 52,
  signal: 56,
  function: 60,
  size: 64,
  known: 68,
  protocol: 72,
  outcome: 73,
  tag_size: 74,
  name_size: 75,
  bytes: 80,
  total: 4304,
} as const;

/** NAMEDATALEN */
export const NAME_BYTES = 64;

/** What comes behind a name in a statement record begins at a multiple of it. */
export const PLACE_BYTES = 8;

/** struct postgres_identity */
export const IdentityLayout = {
  started: 24,
  cgroup_id: 32,
  parent: 40,
  uid: 44,
  family: 48,
  port: 50,
  known: 52,
  address: 56,
  user: 72,
  database: 136,
  application: 200,
  title: 264,
  size: 520,
} as const;

/** struct postgres_types */
export const TypesLayout = {
  portal: 24,
  count: 32,
  oid: 40,
  size: 1064,
} as const;

/** What `postgresRecordType` gives for a record that is none. */
export const UNREADABLE = 0;

/**
 * The type of the record at `at`, one of PostgresRecord, or UNREADABLE where it is none of ours or its lengths
 * contradict each other.
 */
export function postgresRecordType(view: DataView, at: number, length: number): number {
  if (length < RecordHeader.size || at + length > view.byteLength) return UNREADABLE;
  const type = view.getUint8(at + RecordHeader.type);
  return isWhole(type, view, at, length) ? type : UNREADABLE;
}

function isWhole(type: number, view: DataView, at: number, length: number): boolean {
  const u32 = (offset: number) => view.getUint32(at + offset, true);
  switch (type) {
    case PostgresRecord.IDENTITY:
      return length >= IdentityLayout.size;
    case PostgresRecord.TEXT:
    case PostgresRecord.ERROR:
    case PostgresRecord.PARAMETERS:
      return length >= TextRecord.text && u32(TextRecord.size) <= length - TextRecord.text;
    case PostgresRecord.STATEMENT:
    case PostgresRecord.PART:
    case PostgresRecord.DYING:
    case PostgresRecord.EXIT:
      return (
        length >= StatementLayout.bytes &&
        u32(StatementLayout.size) <= length - beginOfText(view, at)
      );
    case PostgresRecord.TYPES:
      return length >= TypesLayout.oid;
    default:
      return false;
  }
}

/** Where the name of a statement begins, from the record's start: behind the text of its tag. */
export const beginOfName = (view: DataView, at: number): number =>
  StatementLayout.bytes + view.getUint8(at + StatementLayout.tag_size);

/** Where the text of a statement begins, from the record's start: behind its name. */
export const beginOfText = (view: DataView, at: number): number =>
  beginOfName(view, at) + view.getUint8(at + StatementLayout.name_size);

/** Where the text in a field of fixed size ends: at its NUL, or with the field. */
export function fieldEnd(bytes: Buffer, at: number, size: number): number {
  let end = at;
  while (end < at + size && bytes[end] !== 0) end++;
  return end;
}

export const fieldText = (bytes: Buffer, at: number, size: number): Buffer =>
  bytes.subarray(at, fieldEnd(bytes, at, size));

const SQLSTATE_CHARACTERS = 5;
const FIRST_CHARACTER = 0x30;

/**
 * MAKE_SQLSTATE (utils/elog.h): 6 bits a character, counted from '0', the first in the lowest. 0, which no error has,
 * is not known.
 */
export function sqlstateOf(packed: number): string | null {
  if (packed === 0) return null;
  let text = '';
  for (let i = 0; i < SQLSTATE_CHARACTERS; i++)
    text += String.fromCharCode(((packed >>> (6 * i)) & 0x3f) + FIRST_CHARACTER);
  return text;
}

/** A u64 as a number where that is exact, else as an i64. */
export function integerOf(view: DataView, offset: number): number | bigint {
  const value = u64(view, offset);
  return Number.isSafeInteger(value) ? value : view.getBigInt64(offset, true);
}
