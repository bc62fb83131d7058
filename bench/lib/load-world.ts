/** A collector under load: started, killed and released again, and a reader that sees what it stores. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ledger } from '../../tables/ring/layout.ts';
import { RingReader } from '../../tables/ring/reader.ts';
import { spec } from '../../tables/shell_history_live/spec.ts';
import { numberOf } from './fake-shell.ts';

const EXECUTABLE = path.resolve(import.meta.dirname, '../../build/live_audit.ext');
const START_MS = 10_000;
const COLUMN = Object.fromEntries(spec.columns.map(({ name }, i) => [name, i]));

export class LoadWorld {
  readonly stateDir: string;
  readonly #directory = fs.mkdtempSync(path.join(os.tmpdir(), 'la-load-'));
  readonly #reader: RingReader;
  #child: ChildProcess | null = null;
  #nextEid = 0; // a new ring does not begin with 1
  /** Rows that were overwritten before newNumbers could look at them. */
  skipped = 0;

  private constructor() {
    this.stateDir = path.join(this.#directory, 'state');
    this.start();
    this.#reader = new RingReader({ directory: this.stateDir, spec });
  }

  static async open(): Promise<LoadWorld> {
    const world = new LoadWorld();
    await world.collecting();
    return world;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Start a collector, and do not wait for it. */
  start(): void {
    this.#child = spawn(EXECUTABLE, ['collect', '--state-dir', this.stateDir], { stdio: 'ignore' });
  }

  async collecting(): Promise<void> {
    const deadline = performance.now() + START_MS;
    while (!fs.existsSync(path.join(this.stateDir, 'probes.json'))) {
      if (performance.now() > deadline) throw new Error('the collector does not start');
      await sleep(10);
    }
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    await exited;
  }

  ledger(): Ledger {
    this.#reader.refresh();
    return this.#reader.ledger();
  }

  /** Numbers of the fake shell's commands in the rows that came since the last call; NaN where not whole. */
  newNumbers(pid: number): number[] {
    this.#reader.refresh();
    const numbers: number[] = [];
    for (const row of this.#reader.range({ fromEid: this.#nextEid })) {
      if (this.#nextEid > 0) this.skipped += row.eid - this.#nextEid;
      this.#nextEid = row.eid + 1;
      const value = (name: string) => row.value(COLUMN[name] ?? -1);
      if (value('pid') !== pid) continue;
      const number = numberOf(value('command'), value('exit_code'), value('truncated'));
      numbers.push(number ?? Number.NaN);
    }
    return numbers;
  }

  /** Process and text of the rows that came since the last call. */
  *newCommands(): Generator<{ readonly pid: number; readonly command: string }> {
    this.#reader.refresh();
    for (const row of this.#reader.range({ fromEid: this.#nextEid })) {
      if (this.#nextEid > 0) this.skipped += row.eid - this.#nextEid;
      this.#nextEid = row.eid + 1;
      const value = (name: string) => row.value(COLUMN[name] ?? -1);
      yield { pid: Number(value('pid')), command: String(value('command')) };
    }
  }

  /** End everything: what is pinned would go on capturing. */
  async close(): Promise<void> {
    await this.kill('SIGTERM');
    this.#reader.close();
    release(this.stateDir);
    fs.rmSync(this.#directory, { recursive: true });
  }
}

/** Take what a collector that is gone left capturing out of the kernel. */
export function release(stateDir: string): void {
  const args = ['collect', '--release', '--state-dir', stateDir];
  const { status, stderr } = spawnSync(EXECUTABLE, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`release: ${stderr}`);
}
