/**
 * What the capture of MariaDB costs: sysbench's point selects, 4 clients, server and collector on the same
 * cores, with capture and without in turn. As root: `node bench/mysql.ts [--seconds 4] [--rounds 7]`.
 */
import { parseArgs } from 'node:util';
import { spec } from '../tables/mysql_queries/spec.ts';
import { captureCost } from './lib/capture-cost.ts';
import { BenchServer, THREADS } from './lib/mysql-server.ts';
import { type Finding, report } from './lib/report.ts';
import { cpuTime } from './lib/usage.ts';

const WARM_UP_SECONDS = 2;

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '4' }, rounds: { type: 'string', default: '7' } },
});
const seconds = Number(values.seconds);
const rounds = Number(values.rounds);

if (process.geteuid?.() !== 0) throw new Error('the benchmark needs root: it loads BPF programs');
const findings: Finding[] = [];
const server = await BenchServer.start();
try {
  for (const prepared of [false, true]) {
    const load = async () => {
      const before = cpuTime(server.pid);
      const statements = await server.pointSelects(prepared, seconds);
      return { statements, serverNs: Number(cpuTime(server.pid) - before) };
    };
    const warmUp = () => server.pointSelects(prepared, WARM_UP_SECONDS);
    const what = `oltp_point_select, ${THREADS} threads, ${prepared ? 'prepared' : 'text'}`;
    findings.push(...(await captureCost({ what, spec, rounds, load, warmUp })));
  }
} finally {
  await server.stop();
}
report(findings);
