/** The shipped query that tells one session: its commands, and what their database clients asked. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TableSpec } from '../../extension/sdk/spec.ts';
import { type Event, eventOf } from '../../tables/event.ts';
import { spec as mysql } from '../../tables/mysql_queries/spec.ts';
import { spec as postgres } from '../../tables/postgres_queries/spec.ts';
import { RingWriter } from '../../tables/ring/writer.ts';
import { spec as shell } from '../../tables/shell_history_live/spec.ts';
import { run } from '../live/collector-process.ts';

const SQL = readFileSync(join(__dirname, '../../packaging/queries/session_story.sql'), 'utf8');
const directory = mkdtempSync(join(tmpdir(), 'story-'));
afterAll(() => rmSync(directory, { recursive: true }));

const BEGAN = 1_795_253_781_000_000_000n;
const at = (second: number) => BEGAN + BigInt(second) * 1_000_000_000n;
const SECOND = 1_000_000_000;

function write(spec: TableSpec, events: readonly Event[]): void {
  const writer = new RingWriter({ directory, spec, capacity: 65_536 });
  for (const event of events) writer.append(event);
  writer.close();
}

const typed = (pid: number, second: number, seconds: number, command: string, exit_code = 0) =>
  eventOf(shell, {
    ...{ pid, command, exit_code, time_ns: at(second), duration: seconds * SECOND },
    ...{ uid: 0, auid: 1000, tty: `pts${pid}`, status: 'done' },
  });
const pg = (second: number, query: string, application_name: string, more = {}) =>
  eventOf(postgres, {
    ...{ query, application_name, time_ns: at(second), user: 'app', database: 'shop', pid: 70 },
    ...{ rows: 1, ...more },
  });
const my = (second: number, query: string) =>
  eventOf(mysql, {
    ...{ query, time_ns: at(second), user: 'root', connection_id: 9, rows_sent: 3 },
  });

beforeAll(() => {
  write(shell, [
    typed(2, 0, 100, 'mysql -e "SELECT 9"'),
    typed(1, 0, 1, 'cd /srv'),
    typed(1, 10, 20, 'psql shop'),
    typed(1, 40, 10, 'sudo mariadb'),
    typed(1, 60, 5, 'vi notes', 1),
  ]);
  write(postgres, [
    pg(5, 'SELECT before', 'psql'),
    pg(12, 'SELECT 1', 'psql'),
    pg(13, 'SELECT of_another_program', 'app-server'),
    pg(14, 'DROP TABLE x', 'psql', { sqlstate: '42P01', rows: null }),
    pg(61, 'SELECT after', 'psql'),
  ]);
  write(mysql, [my(45, 'SHOW DATABASES'), my(62, 'SELECT later')]);
});

test('commands of one shell in order, each with what its client asked', () => {
  const { status, stdout, stderr } = run(['query', '--json', '--state-dir', directory, SQL]);
  expect([status, stderr]).toEqual([0, '']);
  const rows: Record<string, unknown>[] = JSON.parse(stdout);
  expect(rows.map((row) => [row.kind, row.text, row.result, row.others])).toEqual([
    ['shell', 'cd /srv', 'exit 0', 0],
    ['shell', 'psql shop', 'exit 0', 0],
    ['postgres', 'SELECT 1', '1 rows', 0],
    ['postgres', 'DROP TABLE x', 'error 42P01', 0],
    ['shell', 'sudo mariadb', 'exit 0', 0],
    ['mysql', 'SHOW DATABASES', '3 rows', 1], // another shell ran a client at that time, too
    ['shell', 'vi notes', 'exit 1', 0],
  ]);
  expect(rows[0]).toMatchObject({ pid: 1, who: 'uid 0 (login 1000) pts1' });
  expect(rows[2]).toMatchObject({ pid: 70, who: 'app@shop' });
});
