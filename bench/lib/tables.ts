/** What one more table costs that nobody uses: collectors with one table and with all, side by side. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { TABLES } from '../../extension/cli/config/schema.ts';
import { release } from './load-world.ts';
import type { Finding } from './report.ts';
import { cpuTime, memory } from './usage.ts';

const EXECUTABLE = path.resolve(import.meta.dirname, '../../build/live_audit.ext');
const START_MS = 10_000;
const SETTLE_MS = 3000;
const ROUNDS = 5;
const ROUND_MS = 20_000;
/** Of one core, for one more table: what counts as nothing. */
const CPU_BAR_PERCENT = 0.05;

class Idle {
  readonly stateDir: string;
  readonly tables: number;
  readonly #directory = fs.mkdtempSync(path.join(os.tmpdir(), 'la-tables-'));
  readonly #child: ChildProcess;

  /** @param on the tables that are captured */
  constructor(on: readonly string[]) {
    this.tables = on.length;
    this.stateDir = path.join(this.#directory, 'state');
    const tables = Object.fromEntries(TABLES.map((table) => [table, on.includes(table)]));
    const config = path.join(this.#directory, 'config.json');
    fs.writeFileSync(config, JSON.stringify({ tables }), { mode: 0o600 });
    const args = ['collect', '--state-dir', this.stateDir, '--config', config];
    this.#child = spawn(EXECUTABLE, args, { stdio: 'ignore' });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async collecting(): Promise<void> {
    const deadline = performance.now() + START_MS;
    while (!fs.existsSync(path.join(this.stateDir, 'probes.json'))) {
      if (performance.now() > deadline) throw new Error('the collector does not start');
      await sleep(10);
    }
  }

  async close(): Promise<void> {
    if (this.#child.exitCode === null) {
      const exited = once(this.#child, 'exit');
      this.#child.kill();
      await exited;
    }
    release(this.stateDir);
    fs.rmSync(this.#directory, { recursive: true });
  }
}

export async function idleTables(): Promise<Finding[]> {
  const one = new Idle(TABLES.slice(0, 1));
  const all = new Idle(TABLES);
  const collectors = [one, all];
  const more = all.tables - one.tables;
  try {
    for (const collector of collectors) await collector.collecting();
    await sleep(SETTLE_MS);
    const percents: number[] = [];
    const rss = (pid: number): number => {
      const { files, anonymous } = memory(pid);
      return (files + anonymous) / 1e6;
    };
    const megabytes: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const begin = performance.now();
      const before = collectors.map(({ pid }) => cpuTime(pid));
      await sleep(ROUND_MS);
      const ms = performance.now() - begin;
      const [few = 0, many = 0] = collectors.map(
        ({ pid }, i) => (Number(cpuTime(pid) - (before[i] ?? 0n)) / 1e6 / ms) * 100,
      );
      percents.push((many - few) / more);
      megabytes.push((rss(all.pid) - rss(one.pid)) / more);
    }
    const note = `${all.tables} tables against ${one.tables}`;
    return [
      {
        what: 'one more idle table: CPU of the collector',
        rounds: percents,
        unit: '%',
        digits: 4,
        bar: CPU_BAR_PERCENT,
        note,
      },
      { what: 'one more idle table: RSS', rounds: megabytes, unit: 'MB', digits: 2, note },
    ];
  } finally {
    for (const collector of collectors) await collector.close();
  }
}
