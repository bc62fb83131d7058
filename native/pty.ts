/**
 * A program on a pseudo-terminal of its own: for the demo and the tests, which type into real shells.
 * setsid --ctty (util-linux) makes the terminal the controlling one, and becomes the program.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import tty from 'node:tty';
import koffi from 'koffi';
import { lastErrno } from './libc.ts';

/** Not in fs.constants; the same on x86-64 and arm64. Without it the program would keep its own terminal alive. */
const O_CLOEXEC = 0o2000000;

const libc = koffi.load('libc.so.6');
const posixOpenpt = libc.func('int posix_openpt(int flags)');
const grantpt = libc.func('int grantpt(int fd)');
const unlockpt = libc.func('int unlockpt(int fd)');
const ptsname = libc.func('const char *ptsname(int fd)');

export class Pty {
  readonly child: ChildProcess;
  /** Path of the program's side, such as /dev/pts/3. */
  readonly path: string;
  /** All that the program has written. */
  output = '';
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  readonly #master: number;
  readonly #reader: tty.ReadStream;
  #waiting: (() => void) | undefined;

  constructor(argv: readonly string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}) {
    const { O_RDWR, O_NOCTTY } = fs.constants;
    this.#master = posixOpenpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (this.#master < 0 || grantpt(this.#master) !== 0 || unlockpt(this.#master) !== 0)
      throw new Error(`no pseudo-terminal: ${lastErrno()}`);
    this.path = ptsname(this.#master);
    const slave = fs.openSync(this.path, O_RDWR | O_NOCTTY);
    this.child = spawn('setsid', ['--ctty', ...argv], {
      stdio: [slave, slave, slave],
      env: { TERM: 'xterm', PATH: process.env.PATH, ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    fs.closeSync(slave);
    this.exited = new Promise((resolve) =>
      this.child.once('exit', (code, signal) => resolve({ code, signal })),
    );
    this.#reader = new tty.ReadStream(this.#master);
    const decoder = new TextDecoder();
    this.#reader.on('data', (bytes: Buffer) => {
      this.output += decoder.decode(bytes, { stream: true });
      this.#waiting?.();
    });
    // EIO: the program's side is closed.
    this.#reader.on('error', () => this.#waiting?.());
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** Type bytes, as a keyboard would send them: Enter is \r. */
  async type(keys: string | Buffer): Promise<void> {
    const bytes = typeof keys === 'string' ? Buffer.from(keys) : keys;
    for (let done = 0; done < bytes.length; ) {
      try {
        done += fs.writeSync(this.#master, bytes, done, Math.min(bytes.length - done, 1024));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
        await new Promise((resolve) => setTimeout(resolve, 2)); // the program reads slowly
      }
    }
  }

  /**
   * Wait until what was written since `from` matches.
   * @returns the match
   */
  async expect(pattern: RegExp, from = 0, timeoutMs = 10_000): Promise<RegExpExecArray> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const match = pattern.exec(this.output.slice(from));
      if (match) return match;
      const left = deadline - performance.now();
      if (left <= 0)
        throw new Error(
          `no ${pattern} within ${timeoutMs} ms in ${JSON.stringify(this.output.slice(from))}`,
        );
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#waiting = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#waiting = undefined;
    }
  }

  /** Hang up: the program gets SIGHUP. */
  close(): void {
    this.#reader.destroy();
  }
}
