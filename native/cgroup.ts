/** Cgroups of the unified hierarchy (version 2): their ids, by which the kernel tells them apart. */
import fs from 'node:fs';
import path from 'node:path';

const MOUNTS = '/proc/self/mounts';

/** Where the unified hierarchy is mounted, or null. In a hybrid set-up it is not `/sys/fs/cgroup` itself. */
export function unifiedMount(): string | null {
  for (const line of fs.readFileSync(MOUNTS, 'utf8').split('\n')) {
    const [, at, type] = line.split(' ');
    if (type === 'cgroup2' && at !== undefined) return at;
  }
  return null;
}

let mount: string | null = null;

/**
 * @param name as in /proc/PID/cgroup: `/system.slice/ssh.service`
 * @returns its id, which is its inode (64 bits: kernfs since 5.5); null where there is no such cgroup
 */
export function cgroupId(name: string): bigint | null {
  mount ??= unifiedMount(); // it stays where it is, and this is asked every few seconds
  if (mount === null) return null;
  return fs.statSync(path.join(mount, name), { bigint: true, throwIfNoEntry: false })?.ino ?? null;
}
