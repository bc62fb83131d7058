/** A real interactive bash on a pseudo-terminal, for timing. */
import { Pty } from '../../native/pty.ts';

const PROMPT = 'bench$ ';
const AT_PROMPT = /bench\$ $/;

export class Shell {
  readonly #pty = new Pty(['bash', '--norc', '--noprofile'], {
    env: { PS1: PROMPT, TERM: 'dumb', LC_ALL: 'C.UTF-8', HISTFILE: '/dev/null' },
    cwd: '/',
  });

  static async open(): Promise<Shell> {
    const shell = new Shell();
    await shell.prompt();
    return shell;
  }

  get pid(): number {
    return this.#pty.pid;
  }

  /** Write a line and Enter; what the terminal does not take at once is an error in a timing. */
  enter(line: string): void {
    this.#pty.output = '';
    void this.#pty.type(`${line}\r`);
  }

  /** Until it waits for the next line. */
  async prompt(): Promise<void> {
    await this.#pty.expect(AT_PROMPT);
  }

  async run(line: string): Promise<void> {
    this.enter(line);
    await this.prompt();
  }

  /** Type lines ahead, all at once, and wait until the last one has said `end`. */
  async paste(lines: readonly string[], end: string): Promise<void> {
    this.#pty.output = '';
    await this.#pty.type(lines.map((line) => `${line}\r`).join(''));
    await this.#pty.expect(new RegExp(`\\n${end}\\r?\\n[^]*bench\\$ $`), 0, 30_000);
  }

  async close(): Promise<void> {
    this.#pty.close();
    await this.#pty.exited;
  }
}
