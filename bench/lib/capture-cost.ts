/** What the capture of a database costs: the same load with a collector and without, in turns. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TableSpec } from '../../extension/sdk/spec.ts';
import { BPFFS } from '../../native/bpffs.ts';
import { eventSpecs } from '../../tables/index.ts';
import type { Ledger } from '../../tables/ring/layout.ts';
import { RingReader } from '../../tables/ring/reader.ts';
import { lost } from './load-parts.ts';
import { release } from './load-world.ts';
import type { Finding } from './report.ts';
import { median } from './stats.ts';
import { cpuTime } from './usage.ts';

/** Throughput with capture is at least 0.88 of that without. */
const RATIO_BAR = 1.136;
/** CPU of the collector for 1,000,000 statements, s. */
const COLLECTOR_BAR = 1.5;
/** The collector stores what is left, and what it does on a change, and a second later, is over. */
const SETTLE_MS = 1200;
const SWITCH_STEP_MS = 20;
const EXECUTABLE = path.resolve(import.meta.dirname, '../../build/live_audit.ext');

export interface Load {
  readonly statements: number;
  /** CPU of the server meanwhile. */
  readonly serverNs: number;
}

export interface Cost {
  readonly what: string;
  readonly spec: TableSpec;
  readonly rounds: number;
  /** The most CPU that capture may add to the server for a statement, µs. */
  readonly serverBar?: number;
  load(): Promise<Load>;
  /** Load that is not measured: the collector's code is compiled when it has seen some events. */
  warmUp(): Promise<unknown>;
}

interface Captured extends Load {
  readonly collectorNs: number;
  readonly missing: number;
}

/** A collector of this table alone, whose capture is switched on and off. */
class Switched {
  readonly #directory = fs.mkdtempSync(path.join(os.tmpdir(), 'la-bench-'));
  readonly #stateDir = path.join(this.#directory, 'state');
  readonly #config = path.join(this.#directory, 'config.json');
  readonly #spec: TableSpec;
  readonly #child: ChildProcess;

  constructor(spec: TableSpec) {
    refuseOthers();
    this.#spec = spec;
    this.#write(true);
    const args = ['collect', '--state-dir', this.#stateDir, '--config', this.#config];
    this.#child = spawn(EXECUTABLE, args, { stdio: 'ignore' });
  }

  #write(on: boolean): void {
    const { name: own } = this.#spec;
    const tables = eventSpecs.map(({ name }) => [name, on && name === own]);
    const text = JSON.stringify({ tables: Object.fromEntries(tables) });
    fs.writeFileSync(`${this.#config}.new`, text, { mode: 0o600 });
    fs.renameSync(`${this.#config}.new`, this.#config);
  }

  #isAttached(): boolean {
    try {
      const states = fs.readFileSync(path.join(this.#stateDir, 'probes.json'), 'utf8');
      return states.includes('"attached"');
    } catch {
      return false; // not there while the config is read again
    }
  }

  async switch(on: boolean): Promise<void> {
    this.#write(on);
    while (this.#isAttached() !== on) {
      if (this.#child.exitCode !== null) throw new Error('the collector left');
      await sleep(SWITCH_STEP_MS);
    }
    await sleep(SETTLE_MS);
  }

  /** Of this load, with capture on. */
  async captured(load: () => Promise<Load>): Promise<Captured> {
    const pid = this.#child.pid ?? 0;
    const first = this.#ledger();
    const before = cpuTime(pid);
    const run = await load();
    await sleep(SETTLE_MS); // it stores what is left
    const collectorNs = Number(cpuTime(pid) - before);
    const last = this.#ledger();
    const stored = last.events_stored - first.events_stored;
    // Each statement is one that was seen: the client itself adds a few.
    const missing = lost(last) - lost(first) + Math.max(run.statements - stored, 0);
    return { ...run, collectorNs, missing };
  }

  #ledger(): Ledger {
    const reader = new RingReader({ directory: this.#stateDir, spec: this.#spec });
    const ledger = reader.ledger();
    reader.close();
    return ledger;
  }

  async stop(): Promise<void> {
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await exited;
    release(this.#stateDir);
    fs.rmSync(this.#directory, { recursive: true });
  }
}

/** What another collector left capturing would cost the halves without capture just as much. */
function refuseOthers(): void {
  const others = fs.globSync(`${BPFFS}/live-audit*/*/*/links/*`);
  if (others.length > 0)
    throw new Error(`${others[0]}: another collector captures; end it with collect --release`);
}

interface Round {
  readonly ratio: number;
  readonly serverUs: number;
  readonly collectorUs: number;
  readonly missing: number;
  /** Throughput of the first half without capture / of the second: what the machine alone makes of it. */
  readonly drift: number;
}

/** Without, with, with, without: what drifts in the machine is in both halves alike. */
async function round({ load, warmUp }: Cost, collector: Switched): Promise<Round> {
  await collector.switch(false);
  const before = await load();
  await collector.switch(true);
  await warmUp(); // it gave back its compiled code when the probes were attached
  await sleep(SETTLE_MS);
  const one = await collector.captured(load);
  const two = await collector.captured(load);
  await collector.switch(false);
  const after = await load();
  const without = before.statements + after.statements;
  const with_ = one.statements + two.statements;
  const serverNs = (one.serverNs + two.serverNs) / with_;
  return {
    ratio: without / with_,
    serverUs: (serverNs - (before.serverNs + after.serverNs) / without) / 1000,
    collectorUs: (one.collectorNs + two.collectorNs) / with_ / 1000,
    missing: one.missing + two.missing,
    drift: before.statements / after.statements,
  };
}

async function rounds(cost: Cost): Promise<Round[]> {
  const collector = new Switched(cost.spec);
  const all: Round[] = [];
  try {
    while (all.length < cost.rounds) all.push(await round(cost, collector));
  } finally {
    await collector.stop();
  }
  return all;
}

export async function captureCost(cost: Cost): Promise<Finding[]> {
  const all = await rounds(cost);
  const of = (member: keyof Round) => all.map((round) => round[member]);
  const { what, serverBar } = cost;
  const note = `without / without ${median(of('drift')).toFixed(3)} (${Math.min(...of('drift')).toFixed(3)} – ${Math.max(...of('drift')).toFixed(3)})`;
  return [
    {
      ...{ what: `${what}: throughput without capture / with`, rounds: of('ratio'), unit: '' },
      ...{ digits: 3, bar: RATIO_BAR, note },
    },
    {
      ...{
        what: `${what}: CPU of the server a statement`,
        rounds: of('serverUs'),
        unit: 'µs',
        digits: 2,
      },
      ...(serverBar !== undefined && { bar: serverBar }),
    },
    {
      ...{ what: `${what}: CPU of the collector, 1M`, rounds: of('collectorUs'), unit: 's' },
      ...{ digits: 2, bar: COLLECTOR_BAR },
    },
    { what: `${what}: lost or missing`, rounds: of('missing'), unit: '', digits: 0, bar: 0 },
  ];
}
