/** Paths as audit records have them: what the program said, so relative ones need the directory they begin at. */
import type { PathRecord, SyscallRecord } from './records.ts';

/** Paths of one event; a system call has at most a handful. */
const MAX_PATHS = 16_384;

/**
 * Put a path in its place by item number: they come in order, if nobody changed that.
 * @returns false where its number is there already, or beyond what is kept
 */
export function putPath(paths: PathRecord[], path: PathRecord): boolean {
  const last = paths.at(-1);
  if (last === undefined || last.item < path.item) {
    if (path.item >= MAX_PATHS) return false;
    paths.push(path);
    return true;
  }
  const at = paths.findIndex(({ item }) => item >= path.item);
  if (paths[at]?.item === path.item) return false;
  paths.splice(at, 0, path);
  return true;
}

/** A path as the host's programs would say it: `.`, `..` and `//` are taken out, symbolic links are not. */
export function joinPath(directory: string | null, name: string): string | null {
  const path = name.startsWith('/') ? name : directory === null ? null : `${directory}/${name}`;
  if (path === null || !path.startsWith('/')) return null;
  return NEEDS_NORMALIZING.test(path) ? normalize(path) : path;
}

const NEEDS_NORMALIZING = /\/(\/|\.\.?(\/|$))|.\/$/;

function normalize(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..') parts.pop();
    else parts.push(part);
  }
  return `/${parts.join('/')}`;
}

/** -100, the working directory, as an argument has it: the lower 32 bits (linux/fcntl.h). */
export const AT_FDCWD = 0xffff_ff9c;

/** The argument that is the descriptor of the directory, of the path and of the destination. */
const DIRECTORY_ARGUMENTS: Readonly<Record<string, readonly ['a0' | 'a1', ('a1' | 'a2')?]>> = {
  execveat: ['a0'],
  openat: ['a0'],
  openat2: ['a0'],
  mkdirat: ['a0'],
  mknodat: ['a0'],
  unlinkat: ['a0'],
  renameat: ['a0', 'a2'],
  renameat2: ['a0', 'a2'],
  linkat: ['a0', 'a2'],
  symlinkat: ['a1', 'a1'],
  readlinkat: ['a0'],
  fchmodat: ['a0'],
  fchmodat2: ['a0'],
  fchownat: ['a0'],
  faccessat: ['a0'],
  faccessat2: ['a0'],
  futimesat: ['a0'],
  utimensat: ['a0'],
  utimensat_time64: ['a0'],
  newfstatat: ['a0'],
  fstatat64: ['a0'],
  statx: ['a0'],
  name_to_handle_at: ['a0'],
  setxattrat: ['a0'],
  removexattrat: ['a0'],
  file_setattr: ['a0'],
};

/** Which directory a relative path of a system call begins at: its working directory, or a descriptor. */
export function directoryOf(syscall: SyscallRecord, which: 'path' | 'destination'): number {
  const places = DIRECTORY_ARGUMENTS[syscall.name ?? ''];
  const place = which === 'path' ? places?.[0] : places?.[1];
  return place === undefined ? AT_FDCWD : (syscall[place] ?? AT_FDCWD);
}
