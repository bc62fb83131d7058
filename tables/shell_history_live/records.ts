/** The reader's side of bpf/shell.h: one kernel record to one typed record. Pure. */
import { RecordFlag, RecordHeader, TextRecord } from '../../native/events.ts';

/** enum shell_record */
export const ShellRecord = {
  CONTEXT: 1,
  LINE: 2,
  EXPANDED: 3,
  REJECTED: 4,
  START: 5,
  END: 6,
  EXEC: 7,
  EXIT: 8,
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
export const StatusLayout = { status: 24, size: 32 } as const;

export interface ShellContext {
  /** Begun before the attach: there will be no START. */
  readonly late: boolean;
  readonly parent: number;
  readonly uid: number;
  readonly euid: number;
  readonly gid: number;
  readonly auid: number;
  readonly sessionId: number;
  readonly pidNamespace: number;
  readonly cgroupId: bigint;
  readonly tty: string | null;
  /** The absolute path, or null where it was deeper than the kernel side walks. */
  readonly cwd: Buffer | null;
}

interface Common {
  /** CLOCK_BOOTTIME, ns */
  readonly time: bigint;
  readonly tgid: number;
  readonly seq: number;
  readonly target: number;
}

export type ShellEvent = Common &
  (
    | { readonly type: typeof ShellRecord.CONTEXT; readonly context: ShellContext }
    | {
        readonly type: typeof ShellRecord.LINE | typeof ShellRecord.EXPANDED;
        readonly bytes: Buffer;
        readonly last: boolean;
        readonly readFailed: boolean;
        readonly cut: boolean;
        /** Length of the whole text, bytes; valid with `last`. */
        readonly total: number;
      }
    | {
        readonly type: 4 | 5 | 6 | 7 | 8;
        /** $?, or STATUS_UNKNOWN; of EXIT the kernel's wait status */
        readonly status: number;
        /** REJECTED: whether nothing of the command is left. */
        readonly last: boolean;
      }
  );

/** @returns null where the record is none of ours or its lengths contradict each other */
export function decodeShellRecord(view: DataView, at: number, length: number): ShellEvent | null {
  if (length < RecordHeader.size || at + length > view.byteLength) return null;
  const type = view.getUint8(at + RecordHeader.type);
  const flags = view.getUint16(at + RecordHeader.flags, true);
  // Written out for each type: spreading a common part costs more than all the rest.
  const time = view.getBigUint64(at + RecordHeader.time, true);
  const tgid = view.getUint32(at + RecordHeader.tgid, true);
  const seq = view.getUint32(at + RecordHeader.seq, true);
  const target = view.getUint32(at + RecordHeader.target, true);
  switch (type) {
    case ShellRecord.CONTEXT:
      // Only as much of `cwd` is there as is used.
      if (length < ContextLayout.cwd) return null;
      if (view.getUint32(at + ContextLayout.cwd_size, true) > length - ContextLayout.cwd)
        return null;
      return { type, time, tgid, seq, target, context: decodeContext(view, at, flags) };
    case ShellRecord.LINE:
    case ShellRecord.EXPANDED: {
      if (length < TextRecord.text) return null;
      const size = view.getUint32(at + TextRecord.size, true);
      if (size > length - TextRecord.text) return null;
      return {
        type,
        time,
        tgid,
        seq,
        target,
        bytes: copy(view, at + TextRecord.text, size),
        last: (flags & RecordFlag.LAST) !== 0,
        readFailed: (flags & RecordFlag.READ_FAILED) !== 0,
        cut: (flags & RecordFlag.TEXT_CUT) !== 0,
        total: view.getUint32(at + TextRecord.total, true),
      };
    }
    case ShellRecord.REJECTED:
    case ShellRecord.START:
    case ShellRecord.END:
    case ShellRecord.EXEC:
    case ShellRecord.EXIT:
      if (length < StatusLayout.size) return null;
      return {
        type,
        time,
        tgid,
        seq,
        target,
        status: view.getInt32(at + StatusLayout.status, true),
        last: (flags & RecordFlag.LAST) !== 0,
      };
    default:
      return null;
  }
}

function decodeContext(view: DataView, at: number, flags: number): ShellContext {
  const u32 = (offset: number) => view.getUint32(at + offset, true);
  return {
    late: (flags & RecordFlag.LATE) !== 0,
    parent: u32(ContextLayout.parent),
    uid: u32(ContextLayout.uid),
    euid: u32(ContextLayout.euid),
    gid: u32(ContextLayout.gid),
    auid: u32(ContextLayout.auid),
    sessionId: u32(ContextLayout.sessionid),
    pidNamespace: u32(ContextLayout.pid_namespace),
    cgroupId: view.getBigUint64(at + ContextLayout.cgroup_id, true),
    tty: decodeTty(view, at + ContextLayout.tty),
    cwd:
      u32(ContextLayout.cwd_whole) === 1
        ? joinPath(bytesOf(view, at + ContextLayout.cwd, u32(ContextLayout.cwd_size)))
        : null,
  };
}

function decodeTty(view: DataView, at: number): string | null {
  if (view.getUint8(at) === 0) return null;
  const tty = copy(view, at, ContextLayout.cwd - ContextLayout.tty);
  const end = tty.indexOf(0);
  return end > 0 ? tty.toString('utf8', 0, end) : null;
}

/** Names from the leaf up, each ended by a NUL, to an absolute path. */
export function joinPath(names: Uint8Array): Buffer {
  if (names.length === 0) return Buffer.from('/');
  const joined = Buffer.allocUnsafe(names.length);
  let to = 0;
  for (let end = names.length - 1; end > 0; ) {
    let start = end;
    while (start > 0 && names[start - 1] !== 0) start--;
    joined[to++] = SLASH;
    for (let from = start; from < end; from++) joined[to++] = names[from] ?? 0;
    end = start - 1;
  }
  return joined.subarray(0, to);
}

const SLASH = 0x2f;

/** The ring's memory is the kernel's again after the call: take a copy. */
function copy(view: DataView, at: number, size: number): Buffer {
  const bytes = Buffer.allocUnsafe(size);
  bytes.set(bytesOf(view, at, size));
  return bytes;
}

const bytesOf = (view: DataView, at: number, size: number): Uint8Array =>
  new Uint8Array(view.buffer, view.byteOffset + at, size);
