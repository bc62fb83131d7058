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
} as const;

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
  cwd_whole: 64,
  tty: 72,
  cwd: 136,
  size: 4232,
} as const;

/** STATUS_UNKNOWN: this build of the shell lacks the symbol. */
export const STATUS_UNKNOWN = -0x8000_0000;

/** struct shell_status */
export const StatusLayout = { status: 24, started: 32, size: 40 } as const;

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
      if (length < TextRecord.text) return UNREADABLE;
      return view.getUint32(at + TextRecord.size, true) <= length - TextRecord.text
        ? type
        : UNREADABLE;
    case ShellRecord.REJECTED:
    case ShellRecord.END:
    case ShellRecord.EXEC:
    case ShellRecord.EXIT:
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
