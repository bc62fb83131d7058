/** Names and numbers of system calls, machines and record types. */
import { RECORD_TYPES } from './gen/record-types.ts';
import { SYSCALL_NAMES } from './gen/syscall-names.ts';

/** `name name @17 name` as an array by number. */
function decode(text: string): (string | undefined)[] {
  const names: (string | undefined)[] = [];
  let next = 0;
  for (const word of text.split(' ')) {
    if (word.startsWith('@')) next = Number(word.slice(1));
    else names[next++] = word;
  }
  return names;
}

export type Machine = keyof typeof SYSCALL_NAMES;

/** AUDIT_ARCH_* (linux/audit.h): the ELF machine with a bit for 64 bits and one for little endian. */
export const AUDIT_ARCH = {
  x86_64: 0xc000_003e,
  i386: 0x4000_0003,
  aarch64: 0xc000_00b7,
  arm: 0x4000_0028,
} as const;

const MACHINE_OF_ARCH: ReadonlyMap<number, Machine> = new Map(
  Object.entries(AUDIT_ARCH).map(([name, arch]) => [arch, name as keyof typeof AUDIT_ARCH]),
);

/** Set in the numbers of x32, which has the arch of x86_64 (asm/unistd.h). */
const X32_BIT = 0x4000_0000;

const SYSCALLS = Object.fromEntries(
  Object.entries(SYSCALL_NAMES).map(([machine, text]) => [machine, decode(text)]),
) as Readonly<Record<Machine, (string | undefined)[]>>;

/** The machine that an `arch=` of a record means, as `uname -m` says it; null for those that we do not know. */
export const machineOf = (arch: number): Machine | null => MACHINE_OF_ARCH.get(arch) ?? null;

/** The name of a system call, or null where the machine or the number is not known. */
export function syscallName(arch: number, number: number): string | null {
  const machine = machineOf(arch);
  if (machine === null) return null;
  if (machine === 'x86_64' && number >= X32_BIT) return SYSCALLS.x32[number - X32_BIT] ?? null;
  return SYSCALLS[machine][number] ?? null;
}

/** The number of a system call, or null where the machine has none of that name. */
export function syscallNumber(machine: Machine, name: string): number | null {
  const number = SYSCALLS[machine].indexOf(name);
  return number < 0 ? null : number;
}

/** Every name of a system call that a machine has. */
export const syscallNames = (machine: Machine): string[] =>
  SYSCALLS[machine].filter((name) => name !== undefined);

const TYPE_NAMES = decode(RECORD_TYPES);
const TYPE_NUMBERS: ReadonlyMap<string, number> = new Map(
  TYPE_NAMES.flatMap((name, number) => (name === undefined ? [] : [[name, number]])),
);

/** As auditd writes it: SYSCALL, or UNKNOWN[1999] for a type that has no name. */
export const recordTypeName = (type: number): string => TYPE_NAMES[type] ?? `UNKNOWN[${type}]`;

const UNKNOWN = /^UNKNOWN\[(\d{1,9})\]$/;

/** The number of a record type by name, or null. */
export function recordTypeNumber(name: string): number | null {
  const number = TYPE_NUMBERS.get(name);
  if (number !== undefined) return number;
  const unknown = UNKNOWN.exec(name)?.[1];
  return unknown === undefined ? null : Number(unknown);
}

/** The record types that are looked at by name (linux/audit.h). */
export const RecordType = {
  USER: 1005,
  LOGIN: 1006,
  FIRST_USER: 1100,
  LAST_DAEMON: 1299,
  SYSCALL: 1300,
  PATH: 1302,
  IPC: 1303,
  SOCKETCALL: 1304,
  CONFIG_CHANGE: 1305,
  SOCKADDR: 1306,
  CWD: 1307,
  EXECVE: 1309,
  IPC_SET_PERM: 1311,
  OBJ_PID: 1318,
  TTY: 1319,
  EOE: 1320,
  BPRM_FCAPS: 1321,
  MMAP: 1323,
  PROCTITLE: 1327,
  URINGOP: 1336,
  OPENAT2: 1337,
  AVC_PATH: 1402,
  MAC_TASK_CONTEXTS: 1425,
  MAC_OBJ_CONTEXTS: 1426,
  KERNEL: 2000,
  LAST_USER_2: 2999,
} as const;

/** Records that say more about a system call, and are no event of their own. */
export function isPartOfSyscall(type: number): boolean {
  if (type >= RecordType.SYSCALL && type <= RecordType.MMAP)
    return type !== RecordType.CONFIG_CHANGE && type !== RecordType.TTY;
  switch (type) {
    case RecordType.PROCTITLE:
    case RecordType.URINGOP:
    case RecordType.OPENAT2:
    case RecordType.AVC_PATH:
    case RecordType.MAC_TASK_CONTEXTS:
    case RecordType.MAC_OBJ_CONTEXTS:
      return true;
    default:
      return false;
  }
}

/** Messages that programs and auditd send: whole with one record. */
export const isStandalone = (type: number): boolean =>
  type === RecordType.USER ||
  (type >= RecordType.FIRST_USER && type <= RecordType.LAST_DAEMON) ||
  (type >= RecordType.KERNEL && type <= RecordType.LAST_USER_2);

/** auditd numbers its own records (DAEMON_START …) by itself. */
export const hasKernelSerial = (type: number): boolean =>
  type < 1200 || type > RecordType.LAST_DAEMON;
