/** What a run of a pack's query costs the extension: CPU of answering it, over a ring that is full. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CellSink, Operator, type QueryContext } from '../extension/sdk/context.ts';
import { COLLECTOR_DEFAULTS } from '../tables/collector/defaults.ts';
import { eventOf } from '../tables/event.ts';
import type { EventTable } from '../tables/event-table.ts';
import { eventSpecs, openTables } from '../tables/index.ts';
import { RingWriter } from '../tables/ring/writer.ts';
import { type Finding, table } from './lib/report.ts';

// The bundle is CommonJS; the parser's files are found from there.
Object.assign(globalThis, { __dirname: import.meta.dirname });

const ROUNDS = 9;
const NEW = 1000;
/** Forms that an application asks. */
const FORMS = 300;

const directory = mkdtempSync(join(tmpdir(), 'packs-bench-'));
let n = 0;
const query = () =>
  `SELECT name, price FROM articles_${n % FORMS} WHERE id = ${n} AND shop = 'number ${n % 97}'`;
const row = () => ({
  ...{ time: 1_795_000_000 + n, time_ns: BigInt(1_795_000_000 + n) * 1_000_000_000n, pid: 4242 },
  ...{ source: 'prompt', user: 'app', database: 'shop', truncated: 0, query: query() },
  ...{ command: `make -C /srv/build target-${n++}`, cwd: '/srv/build', duration: 12_345_678 },
});

function writerOf(name: string): { writer: RingWriter; append: (count: number) => void } {
  const spec = eventSpecs.find((s) => s.name === name);
  if (!spec) throw new Error(name);
  const writer = new RingWriter({ directory, spec, capacity: COLLECTOR_DEFAULTS.ringBytes });
  const append = (count: number) => {
    for (let i = 0; i < count; i++) writer.append(eventOf(spec, row()));
  };
  return { writer, append };
}

/** Answers a query as osquery reads it, to its end. @returns CPU, ms, and rows */
function answer(events: EventTable, names: readonly string[], consumer?: string) {
  const context: QueryContext = {
    columns: names.map((name) => events.spec.columns.find((c) => c.name === name) ?? fail(name)),
    constraints:
      consumer === undefined ? [] : [{ column: 'consumer', op: Operator.EQUALS, value: consumer }],
  };
  const before = process.cpuUsage();
  let rows = 0;
  const sink: CellSink = { value: () => {}, integer: () => {}, utf8: () => {} };
  for (const encodable of events.encodable(context)) {
    rows++;
    encodable.encode(sink);
  }
  events.taken(context);
  const { user, system } = process.cpuUsage(before);
  return { ms: (user + system) / 1000, rows };
}

function fail(name: string): never {
  throw new Error(`no column ${name}`);
}

const COMMANDS = ['eid', 'time', 'uid', 'auid', 'pid', 'command', 'exit_code', 'cwd', 'duration'];
const findings: Finding[] = [];
const add = (what: string, rounds: readonly { ms: number; rows: number }[], note = '') =>
  findings.push({
    what,
    rounds: rounds.map(({ ms }) => ms),
    unit: 'ms',
    digits: 2,
    note: `${note}${rounds[0]?.rows} rows`,
  });

const tables = openTables(directory);
const find = (name: string) => tables.events.find(({ spec }) => spec.name === name) ?? fail(name);
const fill = (append: (count: number) => void, writer: RingWriter) => {
  while (writer.tail === 0) append(1000);
};

const shells = writerOf('shell_history_live');
fill(shells.append, shells.writer);
const shell = find('shell_history_live');
answer(shell, COMMANDS, 'bench');
add(
  'shell_commands, nothing new',
  Array.from({ length: ROUNDS }, () => answer(shell, COMMANDS, 'bench')),
);
add(
  `shell_commands, ${NEW} new`,
  Array.from({ length: ROUNDS }, () => {
    shells.append(NEW);
    return answer(shell, COMMANDS, 'bench');
  }),
);
add(
  'all of the ring, as without a consumer',
  Array.from({ length: ROUNDS }, () => answer(shell, COMMANDS)),
);

for (const name of ['postgres_queries', 'mysql_queries']) {
  const { writer, append } = writerOf(name);
  if (name === 'mysql_queries') {
    // Only commands of SQL have a fingerprint.
    const spec = eventSpecs.find((s) => s.name === name) ?? fail(name);
    while (writer.tail === 0)
      for (let i = 0; i < 1000; i++)
        writer.append(eventOf(spec, { ...row(), command: 'COM_QUERY' }));
  } else fill(append, writer);
  const columns = ['user', 'database', 'fingerprint'];
  add(
    `${name.replace('queries', 'new_fingerprints')}: a full ring of texts that all differ`,
    Array.from({ length: 3 }, () => answer(find(name), columns)),
  );
  writer.close();
}

tables.close();
shells.writer.close();
rmSync(directory, { recursive: true });
process.stdout.write(table(findings));
process.exit(0);
