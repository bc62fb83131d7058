/** Which operation on files a system call is. */

/** By the name of the system call, on every machine. */
const OPERATIONS: Readonly<Record<string, readonly string[]>> = {
  open: ['open', 'openat', 'openat2', 'creat', 'open_by_handle_at'],
  read: ['read', 'pread64', 'readv', 'preadv', 'preadv2'],
  write: ['write', 'pwrite64', 'writev', 'pwritev', 'pwritev2'],
  close: ['close'],
  rename: ['rename', 'renameat', 'renameat2'],
  unlink: ['unlink', 'unlinkat'],
  rmdir: ['rmdir'],
  link: ['link', 'linkat'],
  symlink: ['symlink', 'symlinkat'],
  mkdir: ['mkdir', 'mkdirat'],
  mknod: ['mknod', 'mknodat'],
  truncate: ['truncate', 'ftruncate', 'truncate64', 'ftruncate64'],
  chmod: ['chmod', 'fchmod', 'fchmodat', 'fchmodat2'],
  chown: ['chown', 'fchown', 'lchown', 'fchownat', 'chown32', 'fchown32', 'lchown32'],
  utime: ['utime', 'utimes', 'futimesat', 'utimensat', 'utimensat_time64'],
  setxattr: ['setxattr', 'lsetxattr', 'fsetxattr', 'setxattrat'],
  removexattr: ['removexattr', 'lremovexattr', 'fremovexattr', 'removexattrat'],
};

const OPERATION_OF: ReadonlyMap<string, string> = new Map(
  Object.entries(OPERATIONS).flatMap(([operation, calls]) =>
    calls.map((call) => [call, operation]),
  ),
);

/** The operation of a system call that is one on files by its name, or null. */
export const operationOf = (syscall: string): string | null => OPERATION_OF.get(syscall) ?? null;

/** Those of which the first argument is a descriptor. */
const BY_DESCRIPTOR = new Set([
  ...['read', 'pread64', 'readv', 'preadv', 'preadv2'],
  ...['write', 'pwrite64', 'writev', 'pwritev', 'pwritev2'],
  ...[
    'close',
    'ftruncate',
    'ftruncate64',
    'fchmod',
    'fchown',
    'fchown32',
    'fsetxattr',
    'fremovexattr',
  ],
]);
export const isByDescriptor = (syscall: string): boolean => BY_DESCRIPTOR.has(syscall);

/** Of unlinkat (linux/fcntl.h). */
export const AT_REMOVEDIR = 0x200;

export const O_TRUNC = 0o1000;
/** What creat(2) has instead of an argument. */
export const CREAT_FLAGS = 0o1101;

const ACCESS_MASK = 3;
const ACCESS = ['O_RDONLY', 'O_WRONLY', 'O_RDWR', 'O_ACCMODE'];

/** asm-generic/fcntl.h; arm and aarch64 have some of them elsewhere. */
const FLAGS: readonly (readonly [string, number, number])[] = [
  ['O_CREAT', 0o100, 0o100],
  ['O_EXCL', 0o200, 0o200],
  ['O_NOCTTY', 0o400, 0o400],
  ['O_TRUNC', O_TRUNC, O_TRUNC],
  ['O_APPEND', 0o2000, 0o2000],
  ['O_NONBLOCK', 0o4000, 0o4000],
  ['O_DSYNC', 0o10000, 0o10000],
  ['O_DIRECT', 0o40000, 0o200000],
  ['O_LARGEFILE', 0o100000, 0o400000],
  ['O_DIRECTORY', 0o200000, 0o40000],
  ['O_NOFOLLOW', 0o400000, 0o100000],
  ['O_NOATIME', 0o1000000, 0o1000000],
  ['O_CLOEXEC', 0o2000000, 0o2000000],
  ['O_PATH', 0o10000000, 0o10000000],
  ['O_TMPFILE', 0o20000000, 0o20000000],
];

/** Flags of open(2) by name. @param isArm arm and aarch64 */
export function flagNames(flags: number, isArm: boolean): string {
  const names = [ACCESS[flags & ACCESS_MASK] ?? ''];
  for (const [name, value, onArm] of FLAGS)
    if ((flags & (isArm ? onArm : value)) !== 0) names.push(name);
  return names.join('|');
}
