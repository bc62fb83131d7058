/** The state directory: rings, the published state of the probes, and the lock of the one collector. */
import fs from 'node:fs';
import path from 'node:path';
import { LiveAuditError } from '../../native/errors.ts';
import { tryLock } from '../../native/libc.ts';

export const DEFAULT_STATE_DIR = '/run/live-audit';
const LOCK = 'collector.lock';
const OTHERS = 0o077;

const refuse = (dir: string, reason: string, cause?: unknown) =>
  new LiveAuditError('STATE_DIR', `${dir}: ${reason}`, { cause });

/**
 * Check that the directory is a real one, ours, and closed to others; make it where it is missing.
 * @throws LiveAuditError STATE_DIR
 */
export function openStateDir(dir: string): void {
  try {
    fs.mkdirSync(dir, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EEXIST') throw refuse(dir, `cannot be made (${code})`, error);
  }
  checkStateDir(dir);
}

/**
 * The same for a reader, which makes nothing.
 * @returns false where there is no such directory yet
 * @throws LiveAuditError STATE_DIR
 */
export function checkStateDir(dir: string): boolean {
  const stat = lstat(dir);
  if (!stat) return false;
  if (!stat.isDirectory()) throw refuse(dir, 'is no directory');
  if (stat.uid !== process.geteuid?.()) throw refuse(dir, `belongs to uid ${stat.uid}`);
  if ((stat.mode & OTHERS) !== 0)
    throw refuse(dir, `is open to others (mode ${(stat.mode & 0o7777).toString(8)})`);
  return true;
}

function lstat(dir: string): fs.Stats | undefined {
  try {
    return fs.lstatSync(dir, { throwIfNoEntry: false });
  } catch (error) {
    throw refuse(dir, `cannot be read (${(error as NodeJS.ErrnoException).code})`, error);
  }
}

/** The right to collect: held by one process, and given back by the kernel when it goes. */
export class CollectorLock {
  readonly #fd: number;
  readonly #path: string;

  private constructor(fd: number, path: string) {
    this.#fd = fd;
    this.#path = path;
  }

  /**
   * @returns null where another process holds it
   * @throws LiveAuditError STATE_DIR
   */
  static take(dir: string): CollectorLock | null {
    const fd = openLock(dir);
    if (!tryLock(fd)) {
      fs.closeSync(fd);
      return null;
    }
    fs.ftruncateSync(fd);
    fs.writeSync(fd, `${process.pid}\n`, 0);
    return new CollectorLock(fd, path.join(dir, LOCK));
  }

  /** Whether another process would find it taken: its file is still there. */
  get isInPlace(): boolean {
    const { dev, ino } = fs.fstatSync(this.#fd);
    const at = fs.statSync(this.#path, { throwIfNoEntry: false });
    return at?.dev === dev && at.ino === ino;
  }

  release(): void {
    fs.ftruncateSync(this.#fd);
    fs.closeSync(this.#fd);
  }
}

function openLock(dir: string): number {
  const { O_RDWR, O_CREAT, O_NOFOLLOW } = fs.constants;
  try {
    return fs.openSync(path.join(dir, LOCK), O_RDWR | O_CREAT | O_NOFOLLOW, 0o600);
  } catch (error) {
    throw refuse(dir, `${LOCK} cannot be opened (${(error as NodeJS.ErrnoException).code})`, error);
  }
}

/** The process that collects, or null; only a hint, as it may be gone by now. */
export function collectorPid(dir: string): number | null {
  try {
    const pid = Number.parseInt(fs.readFileSync(path.join(dir, LOCK), 'utf8'), 10);
    return pid > 0 && fs.existsSync(`/proc/${pid}`) ? pid : null;
  } catch {
    return null;
  }
}
