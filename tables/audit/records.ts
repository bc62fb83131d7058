/** The records that a table needs, from text to typed values: pure. The formats are those of Linux 2.6.28 to 6.18. */
import { Fields } from './fields.ts';
import { syscallName } from './names.ts';
import { type Endpoint, endpointOf } from './sockaddr.ts';
import { decimal, encodedText, hex32, id, isEncoded, keyText, unhex, wordText } from './values.ts';

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
/** Always there; without it the record was cut. */
const LAST_SYSCALL_KEY = S.key;

/** PATH: a file that the system call touched (audit_log_name). */
export interface PathRecord {
  /** Its number among the paths of the event, from 0. */
  readonly item: number;
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

/** One for all records: what it holds is valid until the next one. */
export class RecordDecoder {
  /** Whether the last record was as the kernel writes them: not cut, and no value wrongly encoded. */
  sound = true;
  readonly #syscall = new Fields(SYSCALL_KEYS);
  readonly #path = new Fields(PATH_KEYS);
  readonly #cwd = new Fields(CWD_KEYS);
  readonly #proctitle = new Fields(PROCTITLE_KEYS);
  readonly #openat2 = new Fields(OPENAT2_KEYS);
  readonly #sockaddr = new Fields(SOCKADDR_KEYS);

  /** @returns null where it does not say which system call it is of */
  syscall(bytes: Buffer, at: number, end: number): SyscallRecord | null {
    const f = this.#syscall;
    this.sound = f.scan(bytes, at, end);
    const arch = numberField(f, S.arch, bytes, hex32);
    const call = numberField(f, S.syscall, bytes, decimal);
    if (arch === null || call === null) return null;
    if ((f.start[LAST_SYSCALL_KEY] ?? -1) < 0) this.sound = false;
    const success = textField(f, S.success, bytes, wordText);
    return {
      arch,
      number: call,
      name: syscallName(arch, call),
      success: success === 'yes' ? 1 : success === 'no' ? 0 : null,
      exit: numberField(f, S.exit, bytes, decimal),
      a0: numberField(f, S.a0, bytes, hex32),
      a1: numberField(f, S.a1, bytes, hex32),
      a2: numberField(f, S.a2, bytes, hex32),
      items: numberField(f, S.items, bytes, decimal),
      ppid: numberField(f, S.ppid, bytes, decimal),
      pid: numberField(f, S.pid, bytes, decimal),
      auid: numberField(f, S.auid, bytes, id),
      uid: numberField(f, S.uid, bytes, id),
      gid: numberField(f, S.gid, bytes, id),
      euid: numberField(f, S.euid, bytes, id),
      suid: numberField(f, S.suid, bytes, id),
      fsuid: numberField(f, S.fsuid, bytes, id),
      egid: numberField(f, S.egid, bytes, id),
      sgid: numberField(f, S.sgid, bytes, id),
      fsgid: numberField(f, S.fsgid, bytes, id),
      tty: textField(f, S.tty, bytes, wordText),
      session: numberField(f, S.ses, bytes, id),
      comm: this.#encoded(f, S.comm, bytes),
      exe: this.#encoded(f, S.exe, bytes),
      key: this.#encoded(f, S.key, bytes, keyText),
    };
  }

  /** @returns null where its item number is none */
  path(bytes: Buffer, at: number, end: number): PathRecord | null {
    const f = this.#path;
    this.sound = f.scan(bytes, at, end);
    const item = numberField(f, P.item, bytes, decimal);
    if (item === null || item < 0) return null;
    if ((f.start[P.name] ?? -1) < 0) this.sound = false;
    return {
      item,
      name: this.#encoded(f, P.name, bytes),
      nametype:
        textField(f, P.nametype, bytes, wordText) ?? textField(f, P.objtype, bytes, wordText),
      inode: numberField(f, P.inode, bytes, decimal),
      mode: textField(f, P.mode, bytes, wordText),
      ouid: numberField(f, P.ouid, bytes, id),
      ogid: numberField(f, P.ogid, bytes, id),
    };
  }

  cwd(bytes: Buffer, at: number, end: number): string | null {
    return this.#only(this.#cwd, bytes, at, end);
  }

  /** The title of the process: its arguments with NUL between them, cut by the kernel at 128 bytes. */
  proctitle(bytes: Buffer, at: number, end: number): string | null {
    return this.#only(this.#proctitle, bytes, at, end);
  }

  /** The text of a record of one field. */
  #only(field: Fields, bytes: Buffer, at: number, end: number): string | null {
    this.sound = field.scan(bytes, at, end) && (field.start[0] ?? -1) >= 0;
    return this.#encoded(field, 0, bytes);
  }

  /** The flags of openat2, whose arguments are in memory (since Linux 5.16). */
  openFlags(bytes: Buffer, at: number, end: number): number | null {
    this.#openat2.scan(bytes, at, end);
    return numberField(this.#openat2, 0, bytes, octal);
  }

  /** The address that a system call of sockets was about. */
  endpoint(bytes: Buffer, at: number, end: number): Endpoint | null {
    const f = this.#sockaddr;
    f.scan(bytes, at, end);
    const start = f.start[0] ?? -1;
    const address = start < 0 ? null : unhex(bytes, start, f.end[0] ?? start);
    this.sound = address !== null;
    return address === null ? null : endpointOf(address);
  }

  /** A value as the kernel encodes it; where it is wrong, as it stands. */
  #encoded(f: Fields, index: number, bytes: Buffer, of: TextOf = encodedText): string | null {
    const start = f.start[index] ?? -1;
    if (start < 0) return null;
    const end = f.end[index] ?? start;
    if (!isEncoded(bytes, start, end)) this.sound = false;
    return of(bytes, start, end);
  }
}

type NumberOf = (bytes: Buffer, at: number, end: number) => number | null;
type TextOf = (bytes: Buffer, at: number, end: number) => string | null;

export function numberField(
  fields: Fields,
  index: number,
  bytes: Buffer,
  of: NumberOf,
): number | null {
  const start = fields.start[index] ?? -1;
  return start < 0 ? null : of(bytes, start, fields.end[index] ?? start);
}

export function textField(fields: Fields, index: number, bytes: Buffer, of: TextOf): string | null {
  const start = fields.start[index] ?? -1;
  return start < 0 ? null : of(bytes, start, fields.end[index] ?? start);
}

const octal: NumberOf = (bytes, at, end) => {
  const digits = bytes.toString('latin1', at, Math.min(end, at + 12));
  return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : null;
};
