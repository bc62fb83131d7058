/**
 * What the capture of PostgreSQL costs: pgbench's selects, 4 clients, backends and collector on the same cores, at a
 * captured server and at its twin in turn. As root: `node bench/postgres.ts [--seconds 2] [--blocks 5] [--rounds 3]`.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { spec } from '../tables/postgres_queries/spec.ts';
import { BenchServer, CAPTURED, type Mode, makeTwin, what } from './lib/postgres-server.ts';
import { type Finding, report } from './lib/report.ts';
import { twinCost } from './lib/twin-cost.ts';

/** µs of a backend for each statement. */
const BACKEND_BAR = 3;
const MODES: readonly Mode[] = ['simple', 'prepared'];

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '2' },
    /** Servers begin anew, and change places. */
    blocks: { type: 'string', default: '5' },
    /** Of each block. */
    rounds: { type: 'string', default: '3' },
  },
});
const seconds = Number(values.seconds);
const blocks = Number(values.blocks);
const rounds = Number(values.rounds);

if (process.geteuid?.() !== 0) throw new Error('the benchmark needs root: it loads BPF programs');
const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'la-bench-twin-'));
fs.chmodSync(directory, 0o755);
const twin = makeTwin(directory);
const servers = [await BenchServer.make(), await BenchServer.make()] as const;

/** In every other block the two have changed places. */
async function block(mode: Mode, number: number) {
  for (const server of servers) await server.stop();
  const [captured, free] = number % 2 === 0 ? servers : [servers[1], servers[0]];
  await captured.start(CAPTURED);
  await free.start(twin);
  return {
    captured: () => captured.selects(mode, seconds),
    free: () => free.selects(mode, seconds),
  };
}

const findings: Finding[] = [];
try {
  for (const mode of MODES) {
    const cost = { what: what(mode), spec, blocks, rounds, serverBar: BACKEND_BAR, twin };
    findings.push(...(await twinCost({ ...cost, block: (number) => block(mode, number) })));
  }
} finally {
  for (const server of servers) await server.close();
  fs.rmSync(directory, { recursive: true });
}
report(findings);
