/** What the capture of a database costs: the same load with a collector and without, in turns. */
import fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TableSpec } from '../../extension/sdk/spec.ts';
import { BPFFS } from '../../native/bpffs.ts';
import type { Ledger } from '../../tables/ring/layout.ts';
import { RingReader } from '../../tables/ring/reader.ts';
import { lost } from './load-parts.ts';
import type { Finding } from './report.ts';
import { median } from './stats.ts';
import { TablesCollector } from './tables-collector.ts';
import { cpuTime } from './usage.ts';

/** Throughput with capture is at least 0.88 of that without. */
const RATIO_BAR = 1.136;
/** CPU of the collector for 1,000,000 statements, s. */
const COLLECTOR_BAR = 1.5;
/** The collector stores what is left, and what it does on a change, and a second later, is over. */
const SETTLE_MS = 1200;
const SWITCH_STEP_MS = 20;

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

/** A collector of this table alone, whose capture is switched on and off; off at first. */
class Switched {
  readonly #spec: TableSpec;
  readonly #collector: TablesCollector;

  constructor(spec: TableSpec) {
    refuseOthers();
    this.#spec = spec;
    this.#collector = new TablesCollector([]);
  }

  async switch(on: boolean): Promise<void> {
    this.#collector.capture(on ? [this.#spec.name] : []);
    while (this.#collector.states().includes('"attached"') !== on) {
      if (this.#collector.hasLeft) throw new Error('the collector left');
      await sleep(SWITCH_STEP_MS);
    }
    await sleep(SETTLE_MS);
  }

  /** Of this load, with capture on. */
  async captured(load: () => Promise<Load>): Promise<Captured> {
    const { pid } = this.#collector;
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
    const reader = new RingReader({ directory: this.#collector.stateDir, spec: this.#spec });
    const ledger = reader.ledger();
    reader.close();
    return ledger;
  }

  close(): Promise<void> {
    return this.#collector.close();
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

/** Without, with, with, without: what drifts in the machine is in both halves alike. Capture is off before and after. */
async function round({ load, warmUp }: Cost, collector: Switched): Promise<Round> {
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
    await sleep(SETTLE_MS);
    while (all.length < cost.rounds) all.push(await round(cost, collector));
  } finally {
    await collector.close();
  }
  return all;
}

export async function captureCost(cost: Cost): Promise<Finding[]> {
  const all = await rounds(cost);
  const of = (member: keyof Round) => all.map((round) => round[member]);
  const drift = of('drift');
  const [least, most] = [Math.min(...drift), Math.max(...drift)].map((value) => value.toFixed(3));
  const { what, serverBar } = cost;
  const note = `without / without ${median(drift).toFixed(3)} (${least} – ${most})`;
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
