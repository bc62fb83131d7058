/** The records that a table needs, from text to typed values: pure. The formats are those of Linux 2.6.28 to 6.18. */
import { Fields } from './fields.ts';
import { syscallName } from './names.ts';
import { decimal, encodedText, hex32, id, keyText, wordText } from './values.ts';

/** Where the keys are in a list, by name. */
const indexes = <const K extends readonly string[]>(keys: K) =>
  Object.fromEntries(keys.map((key, i) => [key, i])) as { readonly [N in K[number]]: number };

/** SYSCALL: who did it, and what came of it (kernel/auditsc.c, audit_log_exit). */
export interface SyscallRecord {
  readonly arch: number;
  readonly number: number;
  /** Null where the machine or the number is not known. */
  readonly name: string | null;
  /** NULL where the system call had no end (a killed process). */
  readonly success: number | null;
  readonly exit: number | null;
  /** The lower 32 bits of the first three arguments. */
  readonly a0: number | null;
  readonly a1: number | null;
  readonly a2: number | null;
  readonly items: number | null;
  readonly ppid: number | null;
  readonly pid: number | null;
  readonly auid: number | null;
  readonly uid: number | null;
  readonly gid: number | null;
  readonly euid: number | null;
  readonly suid: number | null;
  readonly fsuid: number | null;
  readonly egid: number | null;
  readonly sgid: number | null;
  readonly fsgid: number | null;
  readonly tty: string | null;
  readonly session: number | null;
  readonly comm: string | null;
  readonly exe: string | null;
  readonly key: string | null;
}

// biome-ignore format: one look at the record's order
const SYSCALL_KEYS = ['arch', 'syscall', 'success', 'exit', 'a0', 'a1', 'a2', 'items', 'ppid', 'pid', 'auid',
  'uid', 'gid', 'euid', 'suid', 'fsuid', 'egid', 'sgid', 'fsgid', 'tty', 'ses', 'comm', 'exe', 'key'] as const;
const S = indexes(SYSCALL_KEYS);

/** PATH: a file that the system call touched (audit_log_name). */
export interface PathRecord {
  readonly name: string | null;
  /** NORMAL, PARENT, DELETE, CREATE or UNKNOWN; NULL in records of old kernels. */
  readonly nametype: string | null;
  readonly inode: number | null;
  /** As the kernel prints it: octal, type bits included. */
  readonly mode: string | null;
  readonly ouid: number | null;
  readonly ogid: number | null;
}

const PATH_KEYS = ['item', 'name', 'inode', 'mode', 'ouid', 'ogid', 'nametype', 'objtype'] as const;
const P = indexes(PATH_KEYS);

const CWD_KEYS = ['cwd'] as const;
const PROCTITLE_KEYS = ['proctitle'] as const;
const OPENAT2_KEYS = ['oflag'] as const;
const SOCKADDR_KEYS = ['saddr'] as const;

const YES = 'y'.charCodeAt(0);
const NO = 'n'.charCodeAt(0);

/** One for all records: what it holds is valid until the next one. */
export class RecordDecoder {
  readonly #syscall = new Fields(SYSCALL_KEYS);
  readonly #path = new Fields(PATH_KEYS);
  readonly #cwd = new Fields(CWD_KEYS);
  readonly #proctitle = new Fields(PROCTITLE_KEYS);
  readonly #openat2 = new Fields(OPENAT2_KEYS);
  readonly #sockaddr = new Fields(SOCKADDR_KEYS);

  /** @returns null where it does not say which system call it is of */
  syscall(bytes: Buffer, at: number, end: number): SyscallRecord | null {
    const f = this.#syscall;
    f.scan(bytes, at, end);
    const arch = number(f, S.arch, bytes, hex32);
    const call = number(f, S.syscall, bytes, decimal);
    if (arch === null || call === null) return null;
    const first = (f.start[S.success] ?? -1) < 0 ? 0 : bytes[f.start[S.success] ?? 0];
    return {
      arch,
      number: call,
      name: syscallName(arch, call),
      success: first === YES ? 1 : first === NO ? 0 : null,
      exit: number(f, S.exit, bytes, decimal),
      a0: number(f, S.a0, bytes, hex32),
      a1: number(f, S.a1, bytes, hex32),
      a2: number(f, S.a2, bytes, hex32),
      items: number(f, S.items, bytes, decimal),
      ppid: number(f, S.ppid, bytes, decimal),
      pid: number(f, S.pid, bytes, decimal),
      auid: number(f, S.auid, bytes, id),
      uid: number(f, S.uid, bytes, id),
      gid: number(f, S.gid, bytes, id),
      euid: number(f, S.euid, bytes, id),
      suid: number(f, S.suid, bytes, id),
      fsuid: number(f, S.fsuid, bytes, id),
      egid: number(f, S.egid, bytes, id),
      sgid: number(f, S.sgid, bytes, id),
      fsgid: number(f, S.fsgid, bytes, id),
      tty: text(f, S.tty, bytes, wordText),
      session: number(f, S.ses, bytes, id),
      comm: text(f, S.comm, bytes, encodedText),
      exe: text(f, S.exe, bytes, encodedText),
      key: text(f, S.key, bytes, keyText),
    };
  }

  /** @returns null where its item number is none */
  path(bytes: Buffer, at: number, end: number): PathRecord | null {
    const f = this.#path;
    if (!f.scan(bytes, at, end) || number(f, P.item, bytes, decimal) === null) return null;
    return {
      name: text(f, P.name, bytes, encodedText),
      nametype: text(f, P.nametype, bytes, wordText) ?? text(f, P.objtype, bytes, wordText),
      inode: number(f, P.inode, bytes, decimal),
      mode: text(f, P.mode, bytes, wordText),
      ouid: number(f, P.ouid, bytes, id),
      ogid: number(f, P.ogid, bytes, id),
    };
  }

  cwd(bytes: Buffer, at: number, end: number): string | null {
    return this.#cwd.scan(bytes, at, end) ? text(this.#cwd, 0, bytes, encodedText) : null;
  }

  /** The title of the process: its arguments with NUL between them, cut by the kernel at 128 bytes. */
  proctitle(bytes: Buffer, at: number, end: number): string | null {
    return this.#proctitle.scan(bytes, at, end) ? text(this.#proctitle, 0, bytes, titleText) : null;
  }

  /** The flags of openat2, whose arguments are in memory (since Linux 5.16). */
  openFlags(bytes: Buffer, at: number, end: number): number | null {
    this.#openat2.scan(bytes, at, end);
    return number(this.#openat2, 0, bytes, octal);
  }

  /** The bytes of a struct sockaddr, as hex. */
  sockaddr(bytes: Buffer, at: number, end: number): string | null {
    return this.#sockaddr.scan(bytes, at, end) ? text(this.#sockaddr, 0, bytes, wordText) : null;
  }
}

type NumberOf = (bytes: Buffer, at: number, end: number) => number | null;
type TextOf = (bytes: Buffer, at: number, end: number) => string | null;

function number(fields: Fields, index: number, bytes: Buffer, of: NumberOf): number | null {
  const start = fields.start[index] ?? -1;
  return start < 0 ? null : of(bytes, start, fields.end[index] ?? start);
}

function text(fields: Fields, index: number, bytes: Buffer, of: TextOf): string | null {
  const start = fields.start[index] ?? -1;
  return start < 0 ? null : of(bytes, start, fields.end[index] ?? start);
}

export { number as numberField, text as textField };

/** A title of which every byte is printable is not encoded. */
const titleText: TextOf = (bytes, at, end) => encodedText(bytes, at, end);

const octal: NumberOf = (bytes, at, end) => {
  const digits = bytes.toString('latin1', at, Math.min(end, at + 12));
  return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : null;
};
