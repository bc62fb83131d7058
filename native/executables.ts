/** Which program files run, and which exist: by inode, whatever their names. */
import fs from 'node:fs';

export interface Executable {
  /** A path by which this process opens that very inode; /proc/PID/exe where no other does. */
  readonly path: string;
  /** What it is called: also of a file that was deleted since. */
  readonly name: string;
  /** The identity that uprobes go by: see FileIdentity. */
  readonly inode: string;
}

/**
 * A file, told from every other. Uprobes go by the real inode; stat tells it, but on overlayfs: there each
 * mount has its own device for one lower file, and a copied-up file keeps the inode number of the lower
 * one. What overlayfs passes through is the birth time (or ctime, where a file system has none).
 */
export interface FileIdentity {
  /** `dev:ino`; on overlayfs `overlay:ino:birth`, the same in each mount. */
  readonly inode: string;
  /** `ino:birth`: the same for a lower file and what overlays show of it. */
  readonly twin: string;
  readonly ino: bigint;
  readonly overlay: boolean;
  /** `size:mtime`: another one where the file was overwritten in place. */
  readonly version: string;
  /** See fileStamp. */
  readonly stamp: string;
}

/** A program file with its identity, both of one moment. */
export interface ProgramFile {
  readonly executable: Executable;
  readonly identity: FileIdentity;
}

const DELETED = ' (deleted)';
const OVERLAYFS_SUPER_MAGIC = 0x794c_7630;
/** overlayfs with xino puts the number of the layer into the upper bits. */
const INO_BITS = 48;

const stampOf = (stat: fs.BigIntStats): string =>
  `${stat.dev}:${stat.ino}:${stat.birthtimeNs}:${stat.size}:${stat.mtimeNs}`;

function statOf(path: string): fs.BigIntStats | null {
  try {
    const stat = fs.statSync(path, { bigint: true, throwIfNoEntry: false });
    return stat?.isFile() ? stat : null;
  } catch {
    return null; // not ours to look at
  }
}

/**
 * All that stat tells of a regular file in one text: equal texts are the same file, unchanged. One system
 * call: cheap enough for every process every second.
 */
export function fileStamp(path: string): string | null {
  const stat = statOf(path);
  return stat && stampOf(stat);
}

/** The identity of the regular file at a path, or null. */
export function identify(path: string): FileIdentity | null {
  const stat = statOf(path);
  if (stat === null) return null;
  const { dev, birthtimeNs, ctimeNs, size, mtimeNs } = stat;
  try {
    const overlay = fs.statfsSync(path).type === OVERLAYFS_SUPER_MAGIC;
    const ino = BigInt.asUintN(INO_BITS, stat.ino);
    const twin = `${ino}:${birthtimeNs || ctimeNs}`;
    const inode = overlay ? `overlay:${twin}` : `${dev}:${stat.ino}`;
    return { inode, ino, twin, overlay, version: `${size}:${mtimeNs}`, stamp: stampOf(stat) };
  } catch {
    return null;
  }
}

/** Whether a probe on the one is a probe on the other. */
export const sameInode = (a: FileIdentity, b: FileIdentity): boolean =>
  a.inode === b.inode || ((a.overlay || b.overlay) && a.twin === b.twin);

/** The file at a path, if there is a regular one. */
export function installedFile(path: string): ProgramFile | null {
  const identity = identify(path);
  if (identity === null) return null;
  try {
    const real = fs.realpathSync(path);
    return { identity, executable: { path: real, name: real, inode: identity.inode } };
  } catch {
    return null; // gone in this moment
  }
}

/** The program of a process, or null where it has none (a kernel thread) or is gone. */
export function processFile(pid: number | string): ProgramFile | null {
  const link = exeLink(pid);
  const identity = identify(link);
  if (identity === null) return null;
  try {
    const target = fs.readlinkSync(link);
    const name = target.endsWith(DELETED) ? target.slice(0, -DELETED.length) : target;
    // In another mount namespace the same path may be another file.
    const host = name === target ? identify(target) : null;
    const path = host !== null && sameInode(host, identity) ? target : link;
    return { identity, executable: { path, name, inode: identity.inode } };
  } catch {
    return null;
  }
}

/** The link by which a process's program is opened: also a deleted one, or one in a container. */
export const exeLink = (pid: number | string): string => `/proc/${pid}/exe`;

export const installedExecutable = (path: string): Executable | null =>
  installedFile(path)?.executable ?? null;

export const processExecutable = (pid: number | string): Executable | null =>
  processFile(pid)?.executable ?? null;

/** The ids of all processes that this one sees. */
export const processIds = (): string[] =>
  fs.readdirSync('/proc').filter((entry) => /^\d+$/.test(entry));
