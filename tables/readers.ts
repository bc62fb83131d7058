/**
 * Who reads the rings of a state directory: each process holds a shared lock on one file for as long as it
 * has its tables open, and the kernel's own list of locks (proc_locks(5)) counts them. A process that is
 * killed is off the list.
 */
import fs from 'node:fs';
import path from 'node:path';
import { shareLock } from '../native/libc.ts';

const FILE = 'readers.lock';

/** Be counted as a reader, until `close`; where the directory is not there yet, from the next try on. */
export class ReaderMark {
  readonly #path: string;
  #fd: number | null = null;

  constructor(stateDir: string) {
    this.#path = path.join(stateDir, FILE);
    this.take();
  }

  take(): void {
    if (this.#fd !== null) return;
    try {
      const { O_RDONLY, O_CREAT, O_NOFOLLOW } = fs.constants;
      const fd = fs.openSync(this.#path, O_RDONLY | O_CREAT | O_NOFOLLOW, 0o600);
      shareLock(fd);
      this.#fd = fd;
    } catch {
      // No such directory, or not ours to write: then we are not counted.
    }
  }

  /** Processes that are counted now. */
  count(): number {
    this.take();
    const ino = fs.statSync(this.#path, { throwIfNoEntry: false })?.ino;
    if (ino === undefined) return 0;
    // "1: FLOCK  ADVISORY  READ 4321 00:1a:987 0 EOF": device, then inode number
    const lock = new RegExp(`FLOCK +ADVISORY +READ +\\d+ +\\w+:\\w+:${ino} `);
    const lines = fs.readFileSync('/proc/locks', 'latin1').split('\n');
    return lines.filter((line) => lock.test(line)).length;
  }

  close(): void {
    if (this.#fd !== null) fs.closeSync(this.#fd);
    this.#fd = null;
  }
}
