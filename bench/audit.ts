/**
 * audit.log into rows: `audit-parse` beside ausearch(8), on the same file and in turns; then what capture of the
 * kernel's audit costs. `node bench/audit.ts [--rounds 5] [--events 200000]`; without files: `--rounds 0`.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { AuditLoad, auditProblem } from './lib/audit-live.ts';
import { RECORDS_PER_EVENT, writeAuditLog } from './lib/audit-log.ts';
import { type Finding, isMissed, table } from './lib/report.ts';
import { childUsage } from './lib/usage.ts';

const EXECUTABLE = path.resolve(import.meta.dirname, '../build/live_audit.ext');
/** For a million records. */
const CPU_BAR_S = 4;
const MILLION = 1e6;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    events: { type: 'string', default: '200000' },
  },
});
const ROUNDS = Number(values.rounds);
const EVENTS = Number(values.events);
const RECORDS = EVENTS * RECORDS_PER_EVENT;

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'la-bench-'));
const plain = path.join(directory, 'audit.log');
const enriched = path.join(directory, 'enriched.log');
const output = path.join(directory, 'output');

interface Contestant {
  readonly what: string;
  readonly command: readonly string[];
  readonly bar?: number;
}

const parse = (file: string) => [EXECUTABLE, 'audit-parse', file];
const search = (...format: string[]) => ['ausearch', '-if', plain, '-k', 'procmon', ...format];

const CONTESTANTS: readonly Contestant[] = [
  { what: 'audit-parse to JSON', command: parse(plain), bar: CPU_BAR_S },
  { what: 'audit-parse to JSON, enriched log', command: parse(enriched), bar: CPU_BAR_S },
  { what: 'ausearch --raw', command: search('--raw') },
  { what: 'ausearch --format csv', command: search('--format', 'csv') },
  { what: 'ausearch -i', command: search('-i') },
];

/** @returns CPU, s for a million records */
function run({ command: [program = '', ...args] }: Contestant): number {
  const fd = fs.openSync(output, 'w');
  const before = childUsage();
  const { status, error } = spawnSync(program, args, { stdio: ['ignore', fd, 'inherit'] });
  const used = childUsage() - before;
  fs.closeSync(fd);
  if (error || status !== 0) throw error ?? new Error(`${program}: ${status}`);
  return (used * MILLION) / RECORDS;
}

/** Every event is a row, and whole. */
function checkRows(): void {
  const sql =
    'SELECT count(*) AS rows, count(DISTINCT argv) AS different, sum(truncated) AS cut FROM audit_process_events';
  const [program = '', ...args] = [EXECUTABLE, 'audit-parse', '--json', '--sql', sql, plain];
  const [seen] = JSON.parse(spawnSync(program, args, { encoding: 'utf8' }).stdout);
  const wanted = { rows: EVENTS, different: EVENTS, cut: 0 };
  if (JSON.stringify(seen) !== JSON.stringify(wanted)) throw new Error(JSON.stringify(seen));
}

function fromFiles(): Finding[] {
  writeAuditLog(plain, EVENTS);
  writeAuditLog(enriched, EVENTS, true);
  checkRows();
  const present = CONTESTANTS.filter(
    ({ command: [program = ''] }) => spawnSync(program, ['--version']).error === undefined,
  );
  const seen = new Map<Contestant, number[]>(present.map((contestant) => [contestant, []]));
  for (let round = 0; round < ROUNDS; round++)
    for (const [contestant, rounds] of seen) rounds.push(run(contestant));
  return [...seen].map(([{ what, bar }, rounds]) => ({
    ...{ what: `CPU for a million records: ${what}`, rounds, unit: 's', digits: 2 },
    ...(bar === undefined ? {} : { bar }),
  }));
}

async function fromKernel(): Promise<Finding[]> {
  const problem = auditProblem();
  if (problem !== null) {
    process.stderr.write(`without the kernel's audit: ${problem}\n`);
    return [];
  }
  const load = await AuditLoad.start();
  try {
    return [...(await load.burst()), ...(await load.find())];
  } finally {
    await load.end();
  }
}

try {
  const findings = [...(ROUNDS > 0 ? fromFiles() : []), ...(await fromKernel())];
  process.stdout.write(table(findings));
  process.exitCode = findings.some(isMissed) ? 1 : 0;
} finally {
  fs.rmSync(directory, { recursive: true });
}
