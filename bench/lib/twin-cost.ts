/**
 * What capture costs, by two servers side by side: one is captured; its twin is the same program with one variable under
 * another name, so that it is not. The load goes to them in turns, seconds apart, and nothing is switched in between: what
 * drifts in the machine is in both alike. They change places from block to block.
 */
import type { TableSpec } from '../../extension/sdk/spec.ts';
import { costFindings, type Load, Meter, type Round, refuseOthers, roundOf } from './cost.ts';
import type { Finding } from './report.ts';
import { TablesCollector } from './tables-collector.ts';

/** The collector stores what is left. */
const SETTLE_MS = 400;

export interface Twins {
  captured(): Promise<Load>;
  free(): Promise<Load>;
}

export interface TwinCost {
  readonly what: string;
  readonly spec: TableSpec;
  readonly blocks: number;
  readonly rounds: number;
  readonly serverBar: number;
  /** Both servers begin anew; warm. */
  block(number: number): Promise<Twins>;
  /** The twin's program, which the collector must not tell of. */
  readonly twin: string;
}

async function round(twins: Twins, meter: Meter): Promise<Round> {
  const before = await twins.free();
  const one = await meter.captured(() => twins.captured());
  const two = await meter.captured(() => twins.captured());
  const after = await twins.free();
  return roundOf([before, after], [one, two]);
}

export async function twinCost(cost: TwinCost): Promise<Finding[]> {
  refuseOthers();
  const collector = new TablesCollector([cost.spec.name]);
  const meter = new Meter(collector, cost.spec, SETTLE_MS);
  const all: Round[] = [];
  try {
    for (let number = 0; number < cost.blocks; number++) {
      const twins = await cost.block(number);
      await collector.attached();
      await twins.free();
      await twins.captured();
      if (collector.states().includes(cost.twin)) throw new Error('the twin is captured, too');
      for (let n = 0; n < cost.rounds; n++) all.push(await round(twins, meter));
    }
  } finally {
    await collector.close();
  }
  return costFindings(cost.what, all, cost.serverBar);
}
