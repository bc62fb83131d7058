/** The file of a ring, as its writer opens, makes, grows and sets it aside. */
import {
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fstatSync,
  ftruncateSync,
  lstatSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { LiveAuditError } from '../../native/errors.ts';
import { tryLock } from '../../native/libc.ts';
import { HEADER_BYTES } from './layout.ts';

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

/** Give the file another name, one that no file has. */
export function setRingAside(path: string, suffix: 'corrupt' | 'old'): string {
  let aside = `${path}.${suffix}`;
  for (let n = 1; isTaken(aside); n++) aside = `${path}.${suffix}.${n}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    throw ioError(path, error);
  }
  return aside;
}

/** Also a dangling link takes a name. */
const isTaken = (path: string): boolean =>
  existsSync(path) || lstatSync(path, { throwIfNoEntry: false }) !== undefined;

/** How much of the data area surely has its blocks, when records reach up to `head`. */
export const grownBytes = (head: number, capacity: number): number =>
  Math.min(Math.ceil(head / EXTENT_BYTES) * EXTENT_BYTES, capacity);

/**
 * Give the data area its blocks from `grown` up to at least `end`, by writing zeros. Storing through the
 * mapping into a hole of a full file system would be a SIGBUS; this is an error that can be handled.
 * @returns how much has its blocks now
 * @throws LiveAuditError RING_IO with ENOSPC
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
    for (let at = grown; at < target; at += EXTENT_BYTES) {
      writeAll(fd, ZEROS.subarray(0, Math.min(EXTENT_BYTES, target - at)), HEADER_BYTES + at);
    }
  } catch (error) {
    throw ioError(path, error);
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
