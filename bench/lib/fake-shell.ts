/** fake-bash.c, compiled and run: unique commands of 200 bytes at any rate. */
import { type ChildProcessByStdio, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { readProbeStates } from '../../tables/collector/probe-state.ts';

const SOURCE = path.join(import.meta.dirname, 'fake-bash.c');
/** endbr64 is single-stepped under a uprobe, at 20 times the price (docs/decisions). */
const FLAGS = ['-O2', '-rdynamic', '-fcf-protection=none'];
const ATTACH_MS = 5000;
const PROBES = 6;
/** `# 000000000042 xxx…` */
const NUMBER = /^# (\d{12}) x{185}$/;
/** As in fake-bash.c. */
const EXIT_CODES = 251;

/** What it says at its end. */
export interface Typed {
  readonly commands: number;
  readonly seconds: number;
}

export class FakeShell {
  readonly #directory = fs.mkdtempSync(path.join(os.tmpdir(), 'fake-bash-'));
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #said: Promise<string>;

  /** @param rate commands per second */
  constructor(rate: number, seconds: number) {
    const program = path.join(this.#directory, 'fake-bash');
    execFileSync('gcc', [...FLAGS, '-o', program, SOURCE]);
    this.#child = spawn(program, [String(rate), String(seconds)], {
      stdio: ['pipe', 'pipe', 'inherit'],
      cwd: '/',
    });
    this.#said = text(this.#child.stdout);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Resolves when the collector of this state directory has all its probes in it. */
  async attached(stateDir: string): Promise<void> {
    const deadline = performance.now() + ATTACH_MS;
    const name = path.basename(this.#directory);
    const attached = () =>
      readProbeStates(stateDir).filter(
        ({ state, target }) => state === 'attached' && target?.includes(name),
      );
    while (attached().length < PROBES) {
      if (performance.now() > deadline) throw new Error('fake-bash was not attached to');
      await sleep(20);
    }
  }

  type(): void {
    this.#child.stdin.end('\n');
  }

  /** Resolves when it has typed everything. */
  async finished(): Promise<Typed> {
    const [commands = 0, ns = 0] = (await this.#said).split(' ').map(Number);
    return { commands, seconds: ns / 1e9 };
  }

  async close(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const exited = once(this.#child, 'exit');
      this.#child.kill();
      await exited;
    }
    fs.rmSync(this.#directory, { recursive: true });
  }
}

/** Which of the commands a row is; null where it is none or not whole. */
export function numberOf(command: unknown, exitCode: unknown, truncated: unknown): number | null {
  const number = Number(NUMBER.exec(String(command))?.[1] ?? Number.NaN);
  return number % EXIT_CODES === exitCode && truncated === 0 ? number : null;
}

async function text(stream: Readable): Promise<string> {
  let all = '';
  for await (const part of stream) all += String(part);
  return all;
}
