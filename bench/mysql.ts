/**
 * What the capture of MariaDB costs: sysbench's point selects, 4 clients, server and collector on the same
 * cores, with capture and without in turn. As root: `node bench/mysql.ts [--seconds 8] [--rounds 5]`.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { eventSpecs } from '../tables/index.ts';
import { spec } from '../tables/mysql_queries/spec.ts';
import type { Ledger } from '../tables/ring/layout.ts';
import { RingReader } from '../tables/ring/reader.ts';
import { release } from './lib/load-world.ts';
import { BenchServer, THREADS } from './lib/mysql-server.ts';
import { type Finding, isMissed, table } from './lib/report.ts';
import { cpuTime } from './lib/usage.ts';

/** Throughput with capture is at least 0.88 of that without. */
const RATIO_BAR = 1.136;
const CPU_BAR = 1.5;
/** The collector stores what is left, and the probes are attached or gone. */
const SETTLE_MS = 700;
/** The collector's code is compiled when it has seen some events. */
const WARM_UP_SECONDS = 2;
const EXECUTABLE = path.resolve(import.meta.dirname, '../build/live_audit.ext');

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '8' }, rounds: { type: 'string', default: '5' } },
});
const SECONDS = Number(values.seconds);
const ROUNDS = Number(values.rounds);

interface Captured {
  readonly queries: number;
  readonly serverNs: number;
  readonly collectorNs: number;
  /** Events in the time that was measured. */
  readonly stored: number;
  readonly lost: number;
}

/** A collector of this table alone: what else happens on the machine is not its work. */
async function collecting(directory: string, stateDir: string): Promise<ChildProcess> {
  const config = path.join(directory, 'config.json');
  const others = eventSpecs
    .filter(({ name }) => name !== spec.name)
    .map(({ name }) => [name, false]);
  fs.writeFileSync(config, JSON.stringify({ tables: Object.fromEntries(others) }));
  const args = ['collect', '--state-dir', stateDir, '--config', config];
  const child = spawn(EXECUTABLE, args, { stdio: 'ignore' });
  const states = path.join(stateDir, 'probes.json');
  while (!fs.existsSync(states) || !fs.readFileSync(states, 'utf8').includes('"attached"'))
    await sleep(20);
  return child;
}

async function bare(server: BenchServer, prepared: boolean) {
  const before = cpuTime(server.pid);
  const queries = await server.pointSelects(prepared, SECONDS);
  return { queries, serverNs: Number(cpuTime(server.pid) - before) };
}

async function captured(server: BenchServer, prepared: boolean): Promise<Captured> {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'la-bench-'));
  const stateDir = path.join(directory, 'state');
  const collector = await collecting(directory, stateDir);
  await server.pointSelects(prepared, WARM_UP_SECONDS);
  await sleep(SETTLE_MS);
  const first = ledgerOf(stateDir);
  const before = cpuTime(collector.pid ?? 0);
  const run = await bare(server, prepared);
  await sleep(SETTLE_MS);
  const collectorNs = Number(cpuTime(collector.pid ?? 0) - before);
  const last = ledgerOf(stateDir);
  const exited = once(collector, 'exit');
  collector.kill('SIGTERM');
  await exited;
  release(stateDir);
  fs.rmSync(directory, { recursive: true });
  const stored = last.events_stored - first.events_stored;
  return { ...run, collectorNs, stored, lost: lostOf(last) };
}

function ledgerOf(stateDir: string): Ledger {
  const reader = new RingReader({ directory: stateDir, spec });
  const ledger = reader.ledger();
  reader.close();
  return ledger;
}

const lostOf = (ledger: Ledger): number =>
  Object.entries(ledger).reduce((sum, [name, n]) => sum + (name.startsWith('lost_') ? n : 0), 0);

async function measure(server: BenchServer, prepared: boolean): Promise<Finding[]> {
  const ratio: number[] = [];
  const cpu: number[] = [];
  const cost: number[] = [];
  const lost: number[] = [];
  let rate = 0;
  for (let round = 0; round < ROUNDS; round++) {
    // What drifts in the machine is in both halves alike.
    const before = await bare(server, prepared);
    const with_ = await captured(server, prepared);
    const after = await bare(server, prepared);
    const without = (before.queries + after.queries) / 2;
    const serverNs = (before.serverNs + after.serverNs) / (before.queries + after.queries);
    ratio.push(without / with_.queries);
    cost.push((with_.serverNs / with_.queries - serverNs) / 1000);
    cpu.push(with_.collectorNs / with_.queries / 1000);
    // Each query is one that was seen: sysbench itself adds a few.
    lost.push(with_.lost + Math.max(with_.queries - with_.stored, 0));
    rate = with_.queries / SECONDS;
  }
  const what = `oltp_point_select, ${THREADS} threads, ${prepared ? 'prepared' : 'text'}`;
  return [
    {
      ...{ what: `${what}: throughput without capture / with`, rounds: ratio, unit: '' },
      ...{ digits: 3, bar: RATIO_BAR, note: `${Math.round(rate)} queries/s with` },
    },
    { what: `${what}: CPU of the server a query`, rounds: cost, unit: 'µs', digits: 2 },
    { what: `${what}: CPU of the collector, 1M`, rounds: cpu, unit: 's', digits: 2, bar: CPU_BAR },
    { what: `${what}: lost or missing`, rounds: lost, unit: '', digits: 0, bar: 0 },
  ];
}

if (process.geteuid?.() !== 0) throw new Error('the benchmark needs root: it loads BPF programs');
const findings: Finding[] = [];
const server = await BenchServer.start();
try {
  for (const prepared of [false, true]) findings.push(...(await measure(server, prepared)));
} finally {
  await server.stop();
}
const cpus = os.cpus();
process.stdout.write(
  `\n${cpus.length} × ${cpus[0]?.model}, Linux ${os.release()}, Node ${process.version}\n\n`,
);
process.stdout.write(table(findings));
process.exitCode = findings.some(isMissed) ? 1 : 0;
