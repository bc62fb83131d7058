/** What the capture of a database costs: the same load with a collector and without, in turns. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { TableSpec } from '../../extension/sdk/spec.ts';
import { costFindings, type Load, Meter, type Round, refuseOthers, roundOf } from './cost.ts';
import type { Finding } from './report.ts';
import { TablesCollector } from './tables-collector.ts';

/** The collector stores what is left, and what it does on a change, and a second later, is over. */
const SETTLE_MS = 1200;

export interface Cost {
  readonly what: string;
  readonly spec: TableSpec;
  readonly rounds: number;
  load(): Promise<Load>;
  /** Load that is not measured: the collector's code is compiled when it has seen some events. */
  warmUp(): Promise<unknown>;
}

/** A collector of this table alone, whose capture is switched on and off; off at first. */
class Switched {
  readonly meter: Meter;
  readonly #spec: TableSpec;
  readonly #collector = new TablesCollector([]);

  constructor(spec: TableSpec) {
    this.#spec = spec;
    this.meter = new Meter(this.#collector, spec, SETTLE_MS);
  }

  async switch(on: boolean): Promise<void> {
    this.#collector.capture(on ? [this.#spec.name] : []);
    await this.#collector.attached(on);
    await sleep(SETTLE_MS);
  }

  close(): Promise<void> {
    return this.#collector.close();
  }
}

/** Without, with, with, without: what drifts in the machine is in both halves alike. Capture is off before and after. */
async function round({ load, warmUp }: Cost, collector: Switched): Promise<Round> {
  const before = await load();
  await collector.switch(true);
  await warmUp(); // it gave back its compiled code when the probes were attached
  await sleep(SETTLE_MS);
  const one = await collector.meter.captured(load);
  const two = await collector.meter.captured(load);
  await collector.switch(false);
  const after = await load();
  return roundOf([before, after], [one, two]);
}

export async function captureCost(cost: Cost): Promise<Finding[]> {
  refuseOthers();
  const collector = new Switched(cost.spec);
  const all: Round[] = [];
  try {
    await sleep(SETTLE_MS);
    while (all.length < cost.rounds) all.push(await round(cost, collector));
  } finally {
    await collector.close();
  }
  return costFindings(cost.what, all);
}
