/** A collector of some tables in a state directory of its own; which ones may change while it runs. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { TABLES } from '../../extension/cli/config/schema.ts';
import { release } from './load-world.ts';

const EXECUTABLE = path.resolve(import.meta.dirname, '../../build/live_audit.ext');
const ATTACH_STEP_MS = 20;

export class TablesCollector {
  readonly stateDir: string;
  readonly #directory = fs.mkdtempSync(path.join(os.tmpdir(), 'la-bench-'));
  readonly #config = path.join(this.#directory, 'config.json');
  readonly #child: ChildProcess;

  /** @param on the tables that are captured */
  constructor(on: readonly string[]) {
    this.stateDir = path.join(this.#directory, 'state');
    this.capture(on);
    const args = ['collect', '--state-dir', this.stateDir, '--config', this.#config];
    this.#child = spawn(EXECUTABLE, args, { stdio: 'ignore' });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get hasLeft(): boolean {
    return this.#child.exitCode !== null;
  }

  /** These tables from now on, and no others. */
  capture(on: readonly string[]): void {
    const tables = Object.fromEntries(TABLES.map((table) => [table, on.includes(table)]));
    fs.writeFileSync(`${this.#config}.new`, JSON.stringify({ tables }), { mode: 0o600 });
    fs.renameSync(`${this.#config}.new`, this.#config); // never half of it
  }

  /** What it says of its probes; empty while there is nothing, as when the config is read again. */
  states(): string {
    try {
      return fs.readFileSync(path.join(this.stateDir, 'probes.json'), 'utf8');
    } catch {
      return '';
    }
  }

  /** Until probes are attached, or none is any more. */
  async attached(on = true): Promise<void> {
    while (this.states().includes('"attached"') !== on) {
      if (this.hasLeft) throw new Error('the collector left');
      await sleep(ATTACH_STEP_MS);
    }
  }

  async close(): Promise<void> {
    if (!this.hasLeft) {
      const exited = once(this.#child, 'exit');
      this.#child.kill('SIGTERM');
      await exited;
    }
    release(this.stateDir);
    fs.rmSync(this.#directory, { recursive: true });
  }
}
