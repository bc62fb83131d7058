/** What capture costs a load: the same load with it and without, and what both used. */
import fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TableSpec } from '../../extension/sdk/spec.ts';
import { BPFFS } from '../../native/bpffs.ts';
import type { Ledger } from '../../tables/ring/layout.ts';
import { RingReader } from '../../tables/ring/reader.ts';
import { lost } from './load-parts.ts';
import type { Finding } from './report.ts';
import { median } from './stats.ts';
import type { TablesCollector } from './tables-collector.ts';
import { cpuTime } from './usage.ts';

/** Throughput with capture is at least 0.88 of that without. */
const RATIO_BAR = 1.136;
/** CPU of the collector for 1,000,000 statements, s. */
const COLLECTOR_BAR = 1.5;

export interface Load {
  readonly statements: number;
  /** CPU of the server meanwhile. */
  readonly serverNs: number;
}

export interface Captured extends Load {
  readonly collectorNs: number;
  readonly missing: number;
}

/** A load under the capture of one table. */
export class Meter {
  readonly #collector: TablesCollector;
  readonly #spec: TableSpec;
  readonly #settleMs: number;

  /** @param settleMs how long the collector has to store what is left */
  constructor(collector: TablesCollector, spec: TableSpec, settleMs: number) {
    this.#collector = collector;
    this.#spec = spec;
    this.#settleMs = settleMs;
  }

  async captured(load: () => Promise<Load>): Promise<Captured> {
    const { pid } = this.#collector;
    const first = this.#ledger();
    const before = cpuTime(pid);
    const run = await load();
    await sleep(this.#settleMs);
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
}

/** What another collector left capturing would cost the halves without capture just as much. */
export function refuseOthers(): void {
  const others = fs.globSync(`${BPFFS}/live-audit*/*/*/links/*`);
  if (others.length > 0)
    throw new Error(`${others[0]}: another collector captures; end it with collect --release`);
}

export interface Round {
  readonly ratio: number;
  readonly serverUs: number;
  readonly collectorUs: number;
  readonly missing: number;
  /** Throughput of the first half without capture / of the second: what the machine alone makes of it. */
  readonly drift: number;
}

export function roundOf(
  free: readonly [Load, Load],
  captured: readonly [Captured, Captured],
): Round {
  const [before, after] = free;
  const [one, two] = captured;
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

/** @param serverBar the most CPU that capture may add to the server for a statement, µs */
export function costFindings(what: string, all: readonly Round[], serverBar?: number): Finding[] {
  const of = (member: keyof Round) => all.map((round) => round[member]);
  const drift = of('drift');
  const [least, most] = [Math.min(...drift), Math.max(...drift)].map((value) => value.toFixed(3));
  const note = `without / without ${median(drift).toFixed(3)} (${least} – ${most})`;
  return [
    {
      ...{ what: `${what}: throughput without capture / with`, rounds: of('ratio'), unit: '' },
      ...{ digits: 3, bar: RATIO_BAR, note },
    },
    {
      ...{ what: `${what}: CPU of the server a statement`, rounds: of('serverUs'), unit: 'µs' },
      ...{ digits: 2, ...(serverBar !== undefined && { bar: serverBar }) },
    },
    {
      ...{ what: `${what}: CPU of the collector, 1M`, rounds: of('collectorUs'), unit: 's' },
      ...{ digits: 2, bar: COLLECTOR_BAR },
    },
    { what: `${what}: lost or missing`, rounds: of('missing'), unit: '', digits: 0, bar: 0 },
  ];
}
