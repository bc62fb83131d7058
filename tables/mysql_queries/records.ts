/**
 * The reader's side of bpf/mysql.h: what stands where in a record. Pure. A record is read where it lies, in
 * the kernel's memory.
 */
import { RecordHeader, TextRecord } from '../../native/events.ts';

/** enum mysql_record */
export const MysqlRecord = {
  IDENTITY: 1,
  PACKET: 2,
  ERROR: 3,
  STATEMENT: 4,
  LONG_DATA: 5,
  END: 6,
} as const;

/** struct mysql_identity */
export const IdentityLayout = {
  thd: 24,
  identity: 32,
  server: 40,
  connection_id: 48,
  has_user: 56,
  has_host: 58,
  has_db: 60,
  has_version: 62,
  user: 64,
  host: 200,
  db: 456,
  version: 656,
  size: 720,
} as const;

/** struct mysql_error */
export const ErrorLayout = {
  thd: 24,
  error_code: 32,
  sqlstate: 40,
  message: 48,
  size: 560,
} as const;

/** struct mysql_connection */
export const ConnectionLayout = { thd: 24, size: 32 } as const;

/** struct mysql_long_data */
export const LongDataLayout = {
  thd: 24,
  is_bare: 32,
  statement_id: 36,
  parameter: 40,
  size: 48,
} as const;

/** struct mysql_statement */
export const StatementLayout = {
  thd: 24,
  identity: 32,
  started: 40,
  connection_id: 48,
  rows_sent: 56,
  rows_affected: 64,
  tid: 72,
  return_code: 76,
  error_code: 80,
  statement_id: 84,
  packet_size: 88,
  text_size: 92,
  part_from: 96,
  part_to: 100,
  known: 104,
  command: 106,
  more: 107,
  text: 112,
  size: 1136,
} as const;

/** enum mysql_known */
export const Known = {
  ROWS_SENT: 1,
  ROWS_AFFECTED: 2,
  CONNECTION: 4,
  STATEMENT_ID: 8,
  RETURN_CODE: 16,
  ERROR: 32,
  BARE_VALUES: 64,
  PARSED_VALUES: 128,
} as const;

/** enum enum_server_command, as far as it gives rows. */
export const Command = {
  QUIT: 1,
  INIT_DB: 2,
  QUERY: 3,
  FIELD_LIST: 4,
  CREATE_DB: 5,
  DROP_DB: 6,
  REFRESH: 7,
  SHUTDOWN: 8,
  STATISTICS: 9,
  PROCESS_INFO: 10,
  PROCESS_KILL: 12,
  DEBUG: 13,
  PING: 14,
  CHANGE_USER: 17,
  STMT_PREPARE: 22,
  STMT_EXECUTE: 23,
  STMT_CLOSE: 25,
  STMT_RESET: 26,
  SET_OPTION: 27,
  STMT_FETCH: 28,
  RESET_CONNECTION: 31,
  STMT_BULK_EXECUTE: 250,
} as const;

/** Every number that a byte can hold. */
const COMMAND_NAMES: readonly string[] = Array.from({ length: 256 }, (_, number) => {
  const known = Object.entries(Command).find(([, value]) => value === number);
  return `COM_${known?.[0] ?? number}`;
});

/**
 * COM_QUERY for 3.
 * @param is56 MySQL up to 5.6: 31 is no command there but COM_END, which stands for all that it does not know
 */
export const commandName = (command: number, is56 = false): string =>
  is56 && command === Command.RESET_CONNECTION ? 'COM_31' : (COMMAND_NAMES[command] ?? '');

/** What `mysqlRecordType` gives for a record that is none. */
export const UNREADABLE = 0;

/**
 * The type of the record at `at`, one of MysqlRecord, or UNREADABLE where it is none of ours or its lengths
 * contradict each other.
 */
export function mysqlRecordType(view: DataView, at: number, length: number): number {
  if (length < RecordHeader.size || at < 0 || at + length > view.byteLength) return UNREADABLE;
  const type = view.getUint8(at + RecordHeader.type);
  switch (type) {
    case MysqlRecord.STATEMENT:
      if (length < StatementLayout.text) return UNREADABLE;
      return view.getUint32(at + StatementLayout.text_size, true) <= length - StatementLayout.text
        ? type
        : UNREADABLE;
    case MysqlRecord.PACKET:
      if (length < TextRecord.text) return UNREADABLE;
      return view.getUint32(at + TextRecord.size, true) <= length - TextRecord.text
        ? type
        : UNREADABLE;
    case MysqlRecord.IDENTITY:
      return length >= IdentityLayout.size ? type : UNREADABLE;
    case MysqlRecord.ERROR:
      return length >= ErrorLayout.size ? type : UNREADABLE;
    case MysqlRecord.LONG_DATA:
      return length >= LongDataLayout.size ? type : UNREADABLE;
    case MysqlRecord.END:
      return length >= ConnectionLayout.size ? type : UNREADABLE;
    default:
      return UNREADABLE;
  }
}

/** In the packets of prepared statements their id comes first. */
export const STATEMENT_ID_BYTES = 4;

/** The bytes of a NUL-terminated text in a field of this size. */
export function textIn(bytes: Buffer, at: number, size: number): Buffer {
  const field = bytes.subarray(at, at + size);
  const end = field.indexOf(0);
  return end < 0 ? field : field.subarray(0, end);
}
