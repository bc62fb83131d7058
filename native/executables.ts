/** Which program files run, and which exist: by inode, whatever their names. */
import fs from 'node:fs';

export interface Executable {
  /** A path by which this process opens that very inode; /proc/PID/exe where no other does. */
  readonly path: string;
  /** What it is called: also of a file that was deleted since. */
  readonly name: string;
  /** Device and inode: the identity that uprobes go by. */
  readonly inode: string;
}

const DELETED = ' (deleted)';

const inodeOf = (path: string): string | null => {
  const stat = fs.statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat?.isFile() ? `${stat.dev}:${stat.ino}` : null;
};

/** The file at a path, if there is a regular one. */
export function installedExecutable(path: string): Executable | null {
  try {
    const inode = inodeOf(path);
    if (inode === null) return null;
    const real = fs.realpathSync(path);
    return { path: real, name: real, inode };
  } catch {
    return null; // not ours to look at, or gone in this moment
  }
}

/** The program of a process, or null where it has none (a kernel thread) or is gone. */
export function processExecutable(pid: number | string): Executable | null {
  const link = `/proc/${pid}/exe`;
  try {
    const target = fs.readlinkSync(link);
    const inode = inodeOf(link);
    if (inode === null) return null;
    const name = target.endsWith(DELETED) ? target.slice(0, -DELETED.length) : target;
    // In another mount namespace the same path may be another file.
    const path = name === target && inodeOf(target) === inode ? target : link;
    return { path, name, inode };
  } catch {
    return null;
  }
}

/** The programs of all running processes, each inode once. */
export function runningExecutables(): Executable[] {
  const found = new Map<string, Executable>();
  for (const entry of fs.readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const executable = processExecutable(entry);
    if (executable && !found.has(executable.inode)) found.set(executable.inode, executable);
  }
  return [...found.values()];
}
