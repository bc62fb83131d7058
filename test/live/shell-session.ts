/** A real bash on a pseudo-terminal that says its own `$?` in every prompt: the ground truth. */
import { Pty } from '../../native/pty.ts';

const PS1 = '[$?]> ';
const PS2 = '[more]> ';
const PROMPT = /\[(\d+)\]> /;
const MORE = /\[more\]> /;

const open = new Set<ShellSession>();

/** For afterEach: a terminal that a failed test left open would keep the test runner alive. */
export function closeShells(): void {
  for (const session of open) session.close();
}

export class ShellSession {
  readonly pty: Pty;

  private constructor(argv: readonly string[], env: NodeJS.ProcessEnv) {
    this.pty = new Pty(argv, {
      env: { PS1, PS2, HISTFILE: '/dev/null', LC_ALL: 'C.UTF-8', HOME: '/root', ...env },
      cwd: '/tmp',
    });
    open.add(this);
  }

  static async open(
    argv: readonly string[] = ['bash', '--norc', '--noprofile'],
    env: NodeJS.ProcessEnv = {},
  ): Promise<ShellSession> {
    const session = new ShellSession(argv, env);
    await session.pty.expect(PROMPT);
    return session;
  }

  get pid(): number {
    return this.pty.pid;
  }

  /**
   * Type lines, each when the shell asks for it.
   * @returns `$?` as the prompt after the last one shows it
   */
  async run(...lines: readonly (string | Buffer)[]): Promise<number> {
    let status = '';
    for (const [i, line] of lines.entries()) {
      const from = this.pty.output.length;
      await this.pty.type(line);
      await this.pty.type('\r');
      const last = i === lines.length - 1;
      const match = await this.pty.expect(last ? PROMPT : MORE, from);
      status = match[1] ?? '';
    }
    return Number(status);
  }

  /** Type keys as they are, without Enter, and wait for the next prompt. @returns its `$?` */
  async keys(keys: string | Buffer): Promise<number> {
    const from = this.pty.output.length;
    await this.pty.type(keys);
    return Number((await this.pty.expect(PROMPT, from))[1]);
  }

  close(): void {
    open.delete(this);
    this.pty.close();
  }
}
