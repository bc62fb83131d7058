/**
 * The one error class, and the one table of codes with what to do about each.
 * docs/errors.md is generated from it (`npm run generate`).
 */

/** `exit` is the exit code of the command line: 1 failed, 2 wrong use. */
interface ErrorCode {
  readonly exit: 1 | 2;
  readonly meaning: string;
  readonly remedy: string;
}

const code = (exit: 1 | 2, meaning: string, remedy: string): ErrorCode => ({
  exit,
  meaning,
  remedy,
});

export const ERROR_CODES = {
  USAGE: code(2, 'the command line is wrong', 'see `live_audit.ext help`'),
  CONFIG: code(
    1,
    'the config file is wrong',
    'mend the key that is named; `{}` means the defaults',
  ),
  LIBBPF: code(
    1,
    'libbpf is missing',
    'install libbpf1 (1.0 or newer), or use the release file, which has its own',
  ),
  EXTRACT: code(
    1,
    'a library of the release file cannot be loaded',
    'set LIVE_AUDIT_LIB_DIR to a directory of root’s that is not mounted noexec; under SELinux or AppArmor see `dmesg` and `ausearch -m avc`',
  ),
  BPF: code(
    1,
    'the kernel or libbpf refused',
    'kernel 5.15 or newer with BTF (/sys/kernel/btf/vmlinux) and uprobes is needed',
  ),
  KERNEL_OLD: code(1, 'the kernel is too old', 'boot a kernel of 5.15 or newer'),
  NO_BTF: code(
    1,
    'the kernel does not describe its types',
    'boot a kernel with CONFIG_DEBUG_INFO_BTF=y: those of Debian 12, Ubuntu 22.04, RHEL 9 and Fedora have it',
  ),
  NO_UPROBES: code(
    1,
    'the kernel has no uprobes',
    'boot a kernel with CONFIG_UPROBE_EVENTS=y and CONFIG_PERF_EVENTS=y; in a container, mount /sys',
  ),
  NO_BPFFS: code(
    1,
    'there is no BPF file system: capture ends with the process',
    'as root: `mount -t bpf bpf /sys/fs/bpf`; systemd does it at boot (sys-fs-bpf.mount)',
  ),
  LOCKDOWN: code(
    1,
    'the kernel is locked down',
    'lockdown=integrity is enough for Secure Boot: set it on the kernel’s command line and boot again',
  ),
  SELINUX: code(
    1,
    'SELinux denies what capture needs',
    '`ausearch -m avc -ts recent` shows it; allow it with `audit2allow -M live_audit`, or run the unit live-audit.service',
  ),
  APPARMOR: code(
    1,
    'AppArmor denies what capture needs',
    '`dmesg | grep apparmor` shows it; allow capabilities bpf and perfmon in that profile, or run the unit live-audit.service',
  ),
  SECCOMP: code(
    1,
    'a filter of system calls denies what capture needs',
    'allow bpf and perf_event_open: `SystemCallFilter=` of the unit, `--security-opt seccomp=` of the container',
  ),
  USER_NAMESPACE: code(
    1,
    'BPF is not for the root of a user namespace',
    'run it on the host, or in a container of the host’s root (no userns-remap, no rootless engine)',
  ),
  BPF_DENIED: code(
    1,
    'no right to use BPF',
    'run as root, or with CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE',
  ),
  PRIVILEGES: code(
    1,
    'rights that are not needed cannot be given up',
    'start it with CAP_SETPCAP as root has it, or with no more than the unit live-audit.service has',
  ),
  ELF: code(
    1,
    'a binary could not be read as ELF',
    'check the path; `status` lists what is attached',
  ),
  NO_SYMBOL: code(
    1,
    'a binary lacks a symbol that capture needs',
    'install the debug symbols of its package (-dbgsym, -debuginfo), or name the place in the config: `targets[].symbols`',
  ),
  STATE_DIR: code(
    1,
    'the state directory cannot be trusted or used',
    'run as its owner, or give a directory that is yours alone (chmod 700) or does not exist yet',
  ),
  COLLECTOR_RUNS: code(
    1,
    'another process collects already',
    'nothing to do: `query`, `tail` and the extension read what it captures',
  ),
  SQL: code(1, 'SQLite refused the statement', 'mend the SQL; `specs` lists tables and columns'),
  RING_UNSAFE: code(
    1,
    'a ring file is a link, no regular file, or of another owner',
    'move it away, or run as its owner',
  ),
  RING_BUSY: code(1, 'another process writes this ring file', 'stop the other collector'),
  RING_IO: code(
    1,
    'a ring file cannot be made, opened or grown',
    'check space and rights of the state directory',
  ),
  RING_SIZE: code(1, 'a ring size is not allowed', 'use a power of two from 64 KiB to 4 GiB'),
  RING_ROW: code(
    1,
    'a row does not fit into its ring',
    'it is counted as lost_store; enlarge the ring or lower max_text',
  ),
  RING_DAMAGED: code(
    1,
    'a ring file was damaged while in use',
    'start the collector again: it sets the file aside',
  ),
  SOCKET_PATH: code(
    2,
    "the path of osquery's socket cannot be used",
    'give --socket a path of at most 97 bytes',
  ),
  OSQUERY_SOCKET: code(
    1,
    'osquery cannot be reached',
    'start osqueryd or osqueryi, and give its --extensions_socket as --socket',
  ),
  OSQUERY_REFUSED: code(
    1,
    'osquery refused the extension',
    'see that no other extension has the same name or tables',
  ),
  OSQUERY_QUERY: code(1, 'osquery failed a call', 'mend the SQL, or see the log of osquery'),
  PROTOCOL: code(1, 'bytes that are not the Thrift of osquery', 'see what else uses the socket'),
  QUERY_CONTEXT: code(1, 'a query context of osquery that cannot be read', 'report it'),
  TABLE_SPEC: code(1, 'a table is declared wrongly', 'mend the table named'),
  CONSUMER: code(
    1,
    'a named consumer that cannot be served',
    'one name of at most 64 letters, digits and _ . - in a query without LIMIT; at most 64 names a table',
  ),
  RESULT_TOO_LARGE: code(1, 'a result over the limit of memory', 'narrow the query: time, LIMIT'),
  AUDIT_LOG: code(1, 'an audit log cannot be read', 'give the path of a readable audit.log'),
  AUDIT_DENIED: code(
    1,
    'no right to use the kernel’s audit',
    'run as root in the host’s first namespaces, or with CAP_AUDIT_READ (records) and CAP_AUDIT_CONTROL (rules)',
  ),
  AUDIT: code(
    1,
    'the kernel’s audit refused',
    'a kernel with CONFIG_AUDIT and CONFIG_AUDITSYSCALL is needed; `dmesg` may say more',
  ),
  METRICS: code(
    1,
    'metrics cannot be given; capture goes on',
    'give `metrics.file` a directory that is there and that this user (under systemd this unit) may write, `metrics.port` a port that is free',
  ),
  INTERNAL: code(1, 'a bug in live_audit', 'report it with the message and `version`'),
} as const satisfies Record<string, ErrorCode>;

export type LiveAuditErrorCode = keyof typeof ERROR_CODES;

export class LiveAuditError extends Error {
  override readonly name = 'LiveAuditError';
  readonly code: LiveAuditErrorCode;

  /** @param detail one line naming the thing that is wrong (a path, a flag, an errno) */
  constructor(code: LiveAuditErrorCode, detail: string, options?: ErrorOptions) {
    super(detail, options);
    this.code = code;
  }

  get exitCode(): number {
    return ERROR_CODES[this.code].exit;
  }

  /** What stderr gets: one line that says what is wrong and what to do. */
  get line(): string {
    return `${this.message} [${this.code}]: ${ERROR_CODES[this.code].remedy}`.replace(/\s+/g, ' ');
  }
}
