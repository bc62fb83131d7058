/** An interactive bash that is fed commands through a pipe, thousands in a second; each text is unique. */
import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';

const TICK_MS = 10;

export class Feeder {
  readonly child: ChildProcess;
  sent = 0;
  readonly #exited: Promise<unknown>;

  constructor() {
    this.child = spawn('bash', ['--norc', '--noprofile', '-i'], {
      stdio: ['pipe', 'ignore', 'ignore'],
      env: { PATH: process.env.PATH, HISTFILE: '/dev/null', PS1: '' },
      detached: true, // no terminal of ours to fight over
    });
    this.#exited = new Promise((resolve) => this.child.once('exit', resolve));
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** The nth command: its exit code says which it is, too. */
  static command(n: number): string {
    return `(exit ${n % 251}) # ${n}`;
  }

  /** Send at a rate, for a time. */
  async feed(perSecond: number, ms: number): Promise<void> {
    const start = performance.now();
    const first = this.sent;
    while (performance.now() - start < ms) {
      const due = first + Math.floor(((performance.now() - start) / 1000) * perSecond);
      let text = '';
      while (this.sent < due) text += `${Feeder.command(this.sent++)}\n`;
      if (text !== '' && !this.child.stdin?.write(text))
        await new Promise((resolve) => this.child.stdin?.once('drain', resolve));
      await sleep(TICK_MS);
    }
  }

  /** Send so many, as fast as the shell takes them. */
  async burst(count: number): Promise<void> {
    let text = '';
    for (let i = 0; i < count; i++) text += `${Feeder.command(this.sent++)}\n`;
    if (!this.child.stdin?.write(text))
      await new Promise((resolve) => this.child.stdin?.once('drain', resolve));
  }

  /** End of input: resolves when the shell has run all of it. */
  async finish(): Promise<void> {
    this.child.stdin?.end();
    await this.#exited;
  }
}
