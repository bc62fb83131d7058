/** What the capture of a database costs: the same load with a collector and without, in turns. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TableSpec } from '../../extension/sdk/spec.ts';
import type { Ledger } from '../../tables/ring/layout.ts';
import { RingReader } from '../../tables/ring/reader.ts';
import { release } from './load-world.ts';
import type { Finding } from './report.ts';
import { cpuTime } from './usage.ts';

/** Throughput with capture is at least 0.88 of that without. */
const RATIO_BAR = 1.136;
/** CPU of the collector for 1,000,000 statements, s. */
const COLLECTOR_BAR = 1.5;
/** The collector stores what is left, and the probes are attached or gone. */
const SETTLE_MS = 1500;
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
}

interface Captured extends Load {
  readonly collectorNs: number;
  readonly ledger: Ledger;
}

async function collecting(stateDir: string): Promise<ChildProcess> {
  const child = spawn(EXECUTABLE, ['collect', '--state-dir', stateDir], { stdio: 'ignore' });
  while (!fs.existsSync(path.join(stateDir, 'probes.json'))) await sleep(20);
  return child;
}

async function captured({ spec, load }: Cost): Promise<Captured> {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'la-bench-'));
  const stateDir = path.join(directory, 'state');
  const collector = await collecting(stateDir);
  await sleep(SETTLE_MS);
  const before = cpuTime(collector.pid ?? 0);
  const run = await load();
  await sleep(SETTLE_MS);
  const collectorNs = Number(cpuTime(collector.pid ?? 0) - before);
  const reader = new RingReader({ directory: stateDir, spec });
  const ledger = reader.ledger();
  reader.close();
  const exited = once(collector, 'exit');
  collector.kill('SIGTERM');
  await exited;
  release(stateDir);
  fs.rmSync(directory, { recursive: true });
  return { ...run, collectorNs, ledger };
}

const lostOf = (ledger: Ledger): number =>
  Object.entries(ledger).reduce((sum, [name, n]) => sum + (name.startsWith('lost_') ? n : 0), 0);

export async function captureCost(cost: Cost): Promise<Finding[]> {
  const ratio: number[] = [];
  const collector: number[] = [];
  const server: number[] = [];
  const lost: number[] = [];
  let captures = 0;
  for (let round = 0; round < cost.rounds; round++) {
    // What drifts in the machine is in both halves alike.
    const before = await cost.load();
    const with_ = await captured(cost);
    const after = await cost.load();
    const without = (before.statements + after.statements) / 2;
    const serverNs = (before.serverNs + after.serverNs) / (before.statements + after.statements);
    ratio.push(without / with_.statements);
    server.push((with_.serverNs / with_.statements - serverNs) / 1000);
    collector.push(with_.collectorNs / with_.statements / 1000);
    // Each statement is one that was seen: the client itself adds a few.
    lost.push(lostOf(with_.ledger) + Math.max(with_.statements - with_.ledger.events_stored, 0));
    captures = with_.statements;
  }
  const { what, serverBar } = cost;
  const note = `${captures} statements with`;
  return [
    {
      ...{ what: `${what}: throughput without capture / with`, rounds: ratio, unit: '' },
      ...{ digits: 3, bar: RATIO_BAR, note },
    },
    {
      ...{ what: `${what}: CPU of the server a statement`, rounds: server, unit: 'µs', digits: 2 },
      ...(serverBar !== undefined && { bar: serverBar }),
    },
    {
      ...{ what: `${what}: CPU of the collector, 1M`, rounds: collector, unit: 's' },
      ...{ digits: 2, bar: COLLECTOR_BAR },
    },
    { what: `${what}: lost or missing`, rounds: lost, unit: '', digits: 0, bar: 0 },
  ];
}
