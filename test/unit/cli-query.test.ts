/** `query` of the executable, over a ring that holds known events. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventOf } from '../../tables/event.ts';
import { RingWriter } from '../../tables/ring/writer.ts';
import { spec } from '../../tables/shell_history_live/spec.ts';
import { assembled, Shell } from '../fixtures/shell/records.ts';
import { run } from '../live/collector-process.ts';

/** What makes the first event begin at this time: its 19 digits are beyond a double. */
const BEGAN = 1_795_253_781_122_556_516n;
const BOOT_TO_UNIX = BEGAN - 5_001_000_000n;

const directory = mkdtempSync(join(tmpdir(), 'query-'));
afterAll(() => rmSync(directory, { recursive: true }));
beforeAll(() => {
  const shell = new Shell(4242).context().line('echo "a,b"', {}).end(0);
  shell.context().line('printf "\\e[31m"; echo \x1b[31m日本').line('x').start().end(1);
  const writer = new RingWriter({ directory, spec, capacity: 65_536 });
  for (const row of assembled(shell.records, { bootToUnix: BOOT_TO_UNIX }))
    writer.append(eventOf(spec, row));
  writer.close();
});

const query = (...args: string[]) => {
  const { status, stdout, stderr } = run(['query', '--state-dir', directory, ...args]);
  expect([status, stderr]).toEqual([0, '']);
  return stdout;
};

test('--json: integers as numbers with all their digits, NULL as null', () => {
  const sql =
    'SELECT time_ns + 1000000 AS t, exit_code, expanded, pid, pid FROM shell_history_live LIMIT 1';
  expect(query('--json', sql)).toBe(
    `[\n  {"t":${BEGAN},"exit_code":0,"expanded":null,"pid":4242,"pid:1":4242}\n]\n`,
  );
});

test('--csv', () => {
  expect(query('--csv', 'SELECT pid, command, expanded FROM shell_history_live LIMIT 1')).toBe(
    'pid,command,expanded\r\n4242,"echo ""a,b""",\r\n',
  );
});

test('--line', () => {
  expect(query('--line', 'SELECT exit_code, pid AS p FROM shell_history_live')).toBe(
    'exit_code = 0\n        p = 4242\n\nexit_code = 1\n        p = 4242\n',
  );
});

test.each([[[]], [['--table']]])('a table is what comes without a format: %p', (flags) => {
  const sql = 'SELECT exit_code, command FROM shell_history_live WHERE exit_code = 1';
  expect(query(...flags, sql)).toBe(
    [
      '+-----------+---------------------------------------+',
      '| exit_code | command                               |',
      '+-----------+---------------------------------------+',
      '| 1         | printf "\\e[31m"; echo \\x1b[31m日本\\nx |',
      '+-----------+---------------------------------------+',
      '',
    ].join('\n'),
  );
});

test('a join of two tables, several statements', () => {
  const sql = `CREATE TABLE seen AS SELECT * FROM shell_history_live;
    SELECT count(*) AS n, table_name, events_stored FROM seen, LIVE_AUDIT_RINGS r
    WHERE r."table_name" = 'shell_history_live'`;
  expect(JSON.parse(query('--json', sql))).toEqual([
    { n: 2, table_name: 'shell_history_live', events_stored: 2 },
  ]);
});

test.each(spec.examples)('the example of the spec runs: %s', (sql) => {
  expect(Array.isArray(JSON.parse(query('--json', sql)))).toBe(true);
});
