/** What the capture of a database costs: the same load with a collector and without, in turns. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TableSpec } from '../../extension/sdk/spec.ts';
import { eventSpecs } from '../../tables/index.ts';
import type { Ledger } from '../../tables/ring/layout.ts';
import { RingReader } from '../../tables/ring/reader.ts';
import { lost } from './load-parts.ts';
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
  /** Load that is not measured: the collector's code is compiled when it has seen some events. */
  warmUp?(): Promise<unknown>;
}

interface Captured extends Load {
  readonly collectorNs: number;
  /** Events in the time that was measured. */
  readonly stored: number;
  readonly lost: number;
}

/** A collector of this table alone: what else happens on the machine is not its work. */
async function collecting(directory: string, stateDir: string, spec: TableSpec) {
  const config = path.join(directory, 'config.json');
  const others = eventSpecs.filter(({ name }) => name !== spec.name);
  const tables = Object.fromEntries(others.map(({ name }) => [name, false]));
  fs.writeFileSync(config, JSON.stringify({ tables }), { mode: 0o600 });
  const args = ['collect', '--state-dir', stateDir, '--config', config];
  const child = spawn(EXECUTABLE, args, { stdio: 'ignore' });
  const states = path.join(stateDir, 'probes.json');
  while (!fs.existsSync(states) || !fs.readFileSync(states, 'utf8').includes('"attached"'))
    await sleep(20);
  return child;
}

async function captured({ spec, load, warmUp }: Cost): Promise<Captured> {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'la-bench-'));
  const stateDir = path.join(directory, 'state');
  const collector = await collecting(directory, stateDir, spec);
  await warmUp?.();
  await sleep(SETTLE_MS);
  const first = ledgerOf(stateDir, spec);
  const before = cpuTime(collector.pid ?? 0);
  const run = await load();
  await sleep(SETTLE_MS);
  const collectorNs = Number(cpuTime(collector.pid ?? 0) - before);
  const last = ledgerOf(stateDir, spec);
  const exited = once(collector, 'exit');
  collector.kill('SIGTERM');
  await exited;
  release(stateDir);
  fs.rmSync(directory, { recursive: true });
  const stored = last.events_stored - first.events_stored;
  return { ...run, collectorNs, stored, lost: lost(last) };
}

function ledgerOf(directory: string, spec: TableSpec): Ledger {
  const reader = new RingReader({ directory, spec });
  const ledger = reader.ledger();
  reader.close();
  return ledger;
}

export async function captureCost(cost: Cost): Promise<Finding[]> {
  const ratio: number[] = [];
  const collector: number[] = [];
  const server: number[] = [];
  const missing: number[] = [];
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
    missing.push(with_.lost + Math.max(with_.statements - with_.stored, 0));
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
    { what: `${what}: lost or missing`, rounds: missing, unit: '', digits: 0, bar: 0 },
  ];
}
