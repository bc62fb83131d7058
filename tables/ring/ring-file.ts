/** The file of a ring, as its writer opens, makes, grows and sets it aside. */
import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { LiveAuditError } from '../../native/errors.ts';
import { tryLock } from '../../native/libc.ts';
import { HEADER_BYTES } from './layout.ts';

/** How many files set aside are kept of each kind: what a table takes on the disk has a bound. */
const KEPT_ASIDE = { corrupt: 3, old: 1 } as const;
const OWNER_ONLY = 0o600;
/** How much of the data area gets its blocks at once. */
const EXTENT_BYTES = 2 ** 20;
const ZEROS = Buffer.alloc(EXTENT_BYTES);

export const ringPath = (directory: string, table: string): string =>
  join(directory, `${table}.ring`);

export const errorCode = (error: unknown): string =>
  (error as NodeJS.ErrnoException).code ?? String(error);

const ioError = (path: string, error: unknown): LiveAuditError =>
  new LiveAuditError('RING_IO', `${path}: ${errorCode(error)}`, { cause: error });

/**
 * Open and lock a ring file for writing; null where there is none.
 * @throws LiveAuditError RING_UNSAFE, RING_BUSY, RING_IO
 */
export function openRing(path: string): number | null {
  let fd: number;
  try {
    // O_NONBLOCK: a FIFO in its place must not hold us.
    fd = openSync(path, constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null;
    if (errorCode(error) === 'ELOOP') throw new LiveAuditError('RING_UNSAFE', `${path} is a link`);
    throw ioError(path, error);
  }
  try {
    const { uid } = requireRegular(fd, path);
    if (uid !== process.geteuid?.()) {
      throw new LiveAuditError('RING_UNSAFE', `${path} belongs to uid ${uid}`);
    }
    lock(fd, path);
    fchmodSync(fd, OWNER_ONLY);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error instanceof LiveAuditError ? error : ioError(path, error);
  }
}

export function requireRegular(fd: number, path: string): { uid: number; size: number } {
  const stat = fstatSync(fd);
  if (!stat.isFile()) throw new LiveAuditError('RING_UNSAFE', `${path} is no regular file`);
  return stat;
}

/**
 * Make the file whole under another name, then give it its name: no reader maps a half-made one.
 * The data area is a hole until `growRing`.
 * @returns the open, locked descriptor
 */
export function createRing(path: string, page: Buffer, capacity: number): number {
  const draft = `${path}.new`;
  let fd: number | undefined;
  try {
    rmSync(draft, { force: true });
    const { O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
    fd = openSync(draft, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, OWNER_ONLY);
    lock(fd, path);
    writeAll(fd, page, 0);
    ftruncateSync(fd, HEADER_BYTES + capacity);
    renameSync(draft, path);
    return fd;
  } catch (error) {
    if (fd !== undefined) {
      closeSync(fd);
      rmSync(draft, { force: true });
    }
    throw error instanceof LiveAuditError ? error : ioError(path, error);
  }
}

export interface SetAside {
  readonly path: string;
  /** The oldest of earlier ones, now gone. */
  readonly removed: readonly string[];
}

/**
 * Give the file another name, numbered on from those that are there, and remove the oldest of those beyond
 * `KEPT_ASIDE`. Numbers tell the age, as no clock does.
 * @throws LiveAuditError RING_IO
 */
export function setRingAside(path: string, suffix: keyof typeof KEPT_ASIDE): SetAside {
  try {
    const taken = numbersAside(path, suffix);
    const last = taken.at(-1);
    const aside = asidePath(path, suffix, last === undefined ? 0 : last + 1);
    renameSync(path, aside);
    const excess = taken.slice(0, Math.max(0, taken.length + 1 - KEPT_ASIDE[suffix]));
    const removed = excess.map((n) => asidePath(path, suffix, n));
    // Not recursive: a directory of that name is none of ours.
    return { path: aside, removed: removed.filter(unlinked) };
  } catch (error) {
    throw ioError(path, error);
  }
}

const asidePath = (path: string, suffix: string, n: number): string =>
  n === 0 ? `${path}.${suffix}` : `${path}.${suffix}.${n}`;

/** The numbers in use, in order; the name without one is 0. Also a dangling link takes a name. */
function numbersAside(path: string, suffix: string): number[] {
  const prefix = `${basename(path)}.${suffix}`;
  return readdirSync(dirname(path))
    .filter((name) => name.startsWith(prefix))
    .map((name) => name.slice(prefix.length))
    .filter((rest) => /^(\.[1-9]\d{0,14})?$/.test(rest))
    .map((rest) => Number(rest.slice(1)))
    .sort((a, b) => a - b);
}

function unlinked(path: string): boolean {
  try {
    unlinkSync(path);
    return true;
  } catch {
    return false;
  }
}

/** How much of the data area gets its blocks, for records that reach up to `head`. */
const grownBytes = (head: number, capacity: number): number =>
  Math.min(Math.ceil(head / EXTENT_BYTES) * EXTENT_BYTES, capacity);

/**
 * Give the data area its blocks from `grown` up to at least `end`, by writing zeros. Storing through the
 * mapping into a hole of a full file system would be a SIGBUS; this is an error that can be handled.
 * @returns how much has its blocks now
 * @throws LiveAuditError RING_IO with ENOSPC, RING_DAMAGED where the file was cut
 */
export function growRing(
  fd: number,
  path: string,
  grown: number,
  end: number,
  capacity: number,
): number {
  const target = grownBytes(end, capacity);
  try {
    const { size } = fstatSync(fd);
    if (size !== HEADER_BYTES + capacity) {
      throw new LiveAuditError('RING_DAMAGED', `${path}: cut to ${size} bytes`);
    }
    for (let at = grown; at < target; at += EXTENT_BYTES) {
      writeAll(fd, ZEROS.subarray(0, Math.min(EXTENT_BYTES, target - at)), HEADER_BYTES + at);
    }
  } catch (error) {
    throw error instanceof LiveAuditError ? error : ioError(path, error);
  }
  return target;
}

/** Read the header page; shorter where the file is. */
export function readPage(fd: number): Buffer {
  const page = Buffer.alloc(HEADER_BYTES);
  return page.subarray(0, readSync(fd, page, 0, HEADER_BYTES, 0));
}

function writeAll(fd: number, bytes: Buffer, position: number): void {
  for (let done = 0; done < bytes.length; ) {
    done += writeSync(fd, bytes, done, bytes.length - done, position + done);
  }
}

function lock(fd: number, path: string): void {
  if (!tryLock(fd)) throw new LiveAuditError('RING_BUSY', path);
}
