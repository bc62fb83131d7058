/**
 * The reader's side of bpf/shell.h: what stands where in a record. Pure. A record is read where it lies, in
 * the kernel's memory: making an object of each costs more than all the rest.
 */
import { RecordHeader, TextRecord } from '../../native/events.ts';

/** enum shell_record */
export const ShellRecord = {
  CONTEXT: 1,
  LINE: 2,
  EXPANDED: 3,
  REJECTED: 4,
  END: 5,
  EXEC: 6,
  EXIT: 7,
  FILTERED: 8,
  INPUT: 9,
  META_LINE: 10,
  META_EXPANDED: 11,
  WIDE_LINE: 12,
} as const;

/** enum shell_source */
export const ShellSource = { PROMPT: 0, COMMAND_STRING: 1, SCRIPT: 2, STDIN: 3 } as const;

/** What the column `source` says of each of ShellSource. */
export const SOURCE_NAMES = ['prompt', 'command_string', 'script', 'stdin'] as const;

/** struct shell_context, from its start */
export const ContextLayout = {
  parent: 24,
  uid: 28,
  euid: 32,
  gid: 36,
  auid: 40,
  sessionid: 44,
  pid_namespace: 48,
  cwd_size: 52,
  cgroup_id: 56,
  leader_start: 64,
  leader: 72,
  source: 76,
  cwd_whole: 80,
  tty: 88,
  cwd: 152,
  size: 4248,
} as const;

/** STATUS_UNKNOWN: this build of the shell lacks the symbol. */
export const STATUS_UNKNOWN = -0x8000_0000;

/** struct shell_status */
export const StatusLayout = { status: 24, started: 32, size: 40 } as const;

/** struct shell_filter: each list is u32 mode, u32 zero and its values; those of cgroups are u64. */
export const FilterLayout = {
  sources: 0,
  pid: 8,
  uid: 144,
  auid: 280,
  exit_code: 416,
  cgroup: 552,
  size: 816,
} as const;
export const FILTER_VALUES = 32;
/** enum filter_mode */
export const FilterMode = { NONE: 0, KEEP: 1, DROP: 2 } as const;

/** What `shellRecordType` gives for a record that is none. */
export const UNREADABLE = 0;

/**
 * The type of the record at `at`, one of ShellRecord, or UNREADABLE where it is none of ours or its lengths
 * contradict each other.
 */
export function shellRecordType(view: DataView, at: number, length: number): number {
  if (length < RecordHeader.size || at + length > view.byteLength) return UNREADABLE;
  const type = view.getUint8(at + RecordHeader.type);
  switch (type) {
    case ShellRecord.CONTEXT:
      // Only as much of `cwd` is there as is used.
      if (length < ContextLayout.cwd) return UNREADABLE;
      return view.getUint32(at + ContextLayout.cwd_size, true) <= length - ContextLayout.cwd
        ? type
        : UNREADABLE;
    case ShellRecord.LINE:
    case ShellRecord.EXPANDED:
    case ShellRecord.INPUT:
    case ShellRecord.META_LINE:
    case ShellRecord.META_EXPANDED:
    case ShellRecord.WIDE_LINE:
      if (length < TextRecord.text) return UNREADABLE;
      return view.getUint32(at + TextRecord.size, true) <= length - TextRecord.text
        ? type
        : UNREADABLE;
    case ShellRecord.REJECTED:
    case ShellRecord.END:
    case ShellRecord.EXEC:
    case ShellRecord.EXIT:
    case ShellRecord.FILTERED:
      return length >= StatusLayout.size ? type : UNREADABLE;
    default:
      return UNREADABLE;
  }
}

/** Bytes of a context record that are used. */
export function contextLength(view: DataView, at: number): number {
  return ContextLayout.cwd + view.getUint32(at + ContextLayout.cwd_size, true);
}

const SLASH = 0x2f;

/** Names from the leaf up, each ended by a NUL, to an absolute path. */
export function joinPath(names: Uint8Array): Buffer {
  const joined = Buffer.allocUnsafe(Math.max(names.length, 1));
  let length = 0;
  for (let end = names.length - 1; end > 0; ) {
    let start = end;
    while (start > 0 && names[start - 1] !== 0) start--;
    joined[length++] = SLASH;
    for (let at = start; at < end; at++) joined[length++] = names[at] ?? 0;
    end = start - 1;
  }
  if (length === 0) joined[length++] = SLASH;
  return joined.subarray(0, length);
}
