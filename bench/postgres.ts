/**
 * What the capture of PostgreSQL costs: pgbench's selects, 4 clients, backends and collector on the same cores,
 * with capture and without in turn. As root: `node bench/postgres.ts [--seconds 4] [--rounds 7]`.
 */
import { parseArgs } from 'node:util';
import { spec } from '../tables/postgres_queries/spec.ts';
import { captureCost } from './lib/capture-cost.ts';
import { BenchServer, type Mode, what } from './lib/postgres-server.ts';
import { type Finding, report } from './lib/report.ts';

/** µs of a backend for each statement. */
const BACKEND_BAR = 3;
/** Load that is not measured: the collector's code is compiled when it has seen some events. */
const WARM_UP_SECONDS = 2;
const MODES: readonly Mode[] = ['simple', 'prepared'];

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '4' }, rounds: { type: 'string', default: '7' } },
});
const seconds = Number(values.seconds);
const rounds = Number(values.rounds);

if (process.geteuid?.() !== 0) throw new Error('the benchmark needs root: it loads BPF programs');
const findings: Finding[] = [];
const server = await BenchServer.start();
try {
  for (const mode of MODES) {
    const load = () => server.selects(mode, seconds);
    const warmUp = () => server.selects(mode, WARM_UP_SECONDS);
    const cost = { what: what(mode), spec, rounds, serverBar: BACKEND_BAR, load, warmUp };
    findings.push(...(await captureCost(cost)));
  }
} finally {
  await server.stop();
}
report(findings);
