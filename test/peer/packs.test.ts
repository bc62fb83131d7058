/** The packs as osquery runs them: every query over rings that hold known events, through the independent core. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serveExtension } from '../../extension/sdk/extension.ts';
import type { TableSpec, Value } from '../../extension/sdk/spec.ts';
import { packs } from '../../packaging/schedule/index.ts';
import { consumerOf, type PackQuery, packFile, sqlOf } from '../../packaging/schedule/pack.ts';
import { eventOf } from '../../tables/event.ts';
import { eventSpecs, openTables } from '../../tables/index.ts';
import { RingWriter } from '../../tables/ring/writer.ts';
import { Peer } from './peer.ts';

const PACKAGING = join(__dirname, '../../packaging');
const NOW = 1_795_000_000;
const NO_LOGIN = 4294967295;
const SECOND = 1_000_000_000;

type Row = Record<string, Value>;

const typed = (command: string, more: Row = {}): Row => ({
  ...{ shell: 'bash', source: 'prompt', status: 'done', exit_code: 0, pid: 7, uid: 1000 },
  ...{ euid: 1000, auid: 1000, command, ...more },
});
const asked = (query: string, more: Row = {}): Row => ({
  ...{ query, truncated: 0, user: 'app', database: 'shop', duration: 5, rows: 1 },
  ...{ command_tag: 'SELECT', error_code: 0, rows_sent: 1, command: 'COM_QUERY', ...more },
});
const told = (type_name: string, more: Row = {}): Row => ({
  type_name,
  uid: 0,
  auid: 1000,
  ...more,
});

const asRoot = { uid: 0, euid: 0 };
const EVENTS: Readonly<Record<string, readonly Row[]>> = {
  shell_history_live: [
    typed('ls'),
    typed('id -u', asRoot),
    typed('cat /etc/shadow', { ...asRoot, auid: NO_LOGIN }),
    typed('unset HISTFILE'),
    typed('kill -9 $$', { status: 'killed', exit_code: 137 }),
    typed('echo script', { source: 'script' }),
  ],
  postgres_queries: [
    asked('SELECT 1'),
    asked('SELECT 2'),
    asked('SELECT * FROM nope', { sqlstate: '42P01', command_tag: null }),
    asked('\n\tDROP TABLE nope', { sqlstate: '42P01', command_tag: null }),
    asked('/* a */ GRANT ALL ON t TO app', { command_tag: 'GRANT' }),
    asked('SELECT pg_sleep(1)', { duration: SECOND }),
    asked('COPY t TO STDOUT', { command_tag: 'COPY', rows: 10_000 }),
    asked('UPDATE t SET a = 1', { command_tag: 'UPDATE', rows: 20_000 }),
  ],
  mysql_queries: [
    asked('SELECT 1'),
    asked('SELECT * FROM nope', { error_code: 1146 }),
    asked('-- hidden\ncreate user eve'),
    asked('SELECT sleep(1)', { duration: SECOND }),
    asked('SELECT * FROM t', { rows_sent: 10_000 }),
  ],
  audit_process_events: [{ path: '/usr/bin/id', syscall: 'execve', auid: 1000, uid: 0, pid: 9 }],
  audit_file_events: [],
  audit_user_events: [
    told('USER_CMD', { path: '/usr/bin/sudo', cmdline: 'id', result: 'success' }),
    told('USER_LOGIN', { path: '/usr/sbin/sshd', result: 'success', address: '192.0.2.1' }),
    told('USER_AUTH', { path: '/usr/sbin/sshd', result: 'failed', address: '192.0.2.1' }),
    told('USER_AUTH', { path: '/usr/sbin/sshd', result: 'success' }),
    told('CONFIG_CHANGE', { operation: 'remove_rule' }),
    told('ADD_USER', { account: 'eve' }),
  ],
};

const commands = (...values: string[]) => values.map((command) => ({ command }));
const queries = (...values: string[]) => values.map((query) => ({ query }));
const types = (...values: string[]) => values.map((type_name) => ({ type_name }));
const fingerprints = (count: number) =>
  Array.from({ length: count }, () => ({ user: 'app', database: 'shop' }));

/** What each query gives, and nothing else. */
const EXPECTED: Readonly<Record<string, readonly Record<string, string>[]>> = {
  shell_commands: commands('ls', 'id -u', 'cat /etc/shadow', 'unset HISTFILE', 'kill -9 $$'),
  killed_shells: commands('kill -9 $$'),
  history_tampering: commands('unset HISTFILE'),
  root_commands_of_users: commands('id -u'),
  root_commands_without_user: commands('cat /etc/shadow'),
  sudo_and_su: types('USER_CMD'),
  postgres_failed: queries('SELECT * FROM nope', '\n\tDROP TABLE nope'),
  mysql_failed: queries('SELECT * FROM nope'),
  postgres_ddl_and_grants: queries('\n\tDROP TABLE nope', '/* a */ GRANT ALL ON t TO app'),
  mysql_ddl_and_grants: queries('-- hidden\ncreate user eve'),
  postgres_slow: queries('SELECT pg_sleep(1)'),
  mysql_slow: queries('SELECT sleep(1)'),
  postgres_bulk_reads: queries('COPY t TO STDOUT'),
  mysql_bulk_reads: queries('SELECT * FROM t'),
  postgres_new_fingerprints: fingerprints(7),
  mysql_new_fingerprints: fingerprints(5),
  audit_report: [{ kind: 'command', name: '/usr/bin/id', count: '1' }, { name: 'execve' }],
  logins: types('USER_LOGIN', 'USER_AUTH'),
  audit_changes: types('CONFIG_CHANGE', 'ADD_USER'),
  capture_losses: [{ table_name: 'mysql_queries', lost_decode: '3' }],
  capture_troubles: [{ target: '/opt/db/mysqld', state: 'failed' }],
  capture_totals: eventSpecs.map(({ name }) => ({ table_name: name })),
};

const directory = mkdtempSync(join(tmpdir(), 'packs-'));
const writers: RingWriter[] = [];
const abort = new AbortController();
let peer: Peer;
let left: Promise<unknown>;

function fill(spec: TableSpec): void {
  const writer = new RingWriter({ directory, spec, capacity: 2 ** 20 });
  writers.push(writer);
  for (const [i, row] of (EVENTS[spec.name] ?? []).entries()) {
    const time = NOW + i;
    const when = { time, time_ns: BigInt(time) * 1_000_000_000n, uptime: i };
    writer.append(eventOf(spec, { ...when, ...row }));
  }
  if (spec.name === 'mysql_queries') writer.count('lost_decode', 3);
}

beforeAll(async () => {
  for (const spec of eventSpecs) fill(spec);
  writeFileSync(
    join(directory, 'probes.json'),
    JSON.stringify([
      { table_name: 'mysql_queries', target: '/opt/db/mysqld', state: 'failed', last_error: 'x' },
      { table_name: 'mysql_queries', target: '/usr/sbin/mariadbd', state: 'attached' },
    ]),
  );
  peer = await Peer.start();
  const tables = openTables(directory);
  await new Promise<void>((resolve) => {
    left = serveExtension({
      ...{ socket: peer.socket, name: 'live_audit', version: '1', timeout: 5, interval: 1 },
      tables: tables.all,
      log: () => {},
      signal: abort.signal,
      onRegistered: () => resolve(),
    }).finally(() => tables.close());
  });
});
afterAll(async () => {
  abort.abort();
  await left;
  await peer.stop();
  for (const writer of writers) writer.close();
  rmSync(directory, { recursive: true });
});

const ask = async (sql: string) => (await peer.sql(sql)).rows;

describe.each(packs.map((pack) => [pack.name, pack] as const))('%s', (_, pack) => {
  const file = JSON.parse(packFile(pack));

  test('the committed file is the pack, with the keys that osquery knows', () => {
    const committed = readFileSync(join(PACKAGING, 'packs', `${pack.name}.conf`), 'utf8');
    expect(committed).toBe(packFile(pack));
    expect(Object.keys(file)).toEqual(['platform', 'discovery', 'queries']);
    expect(Object.keys(file.queries)).toEqual(pack.queries.map(({ name }) => name));
  });

  test('its tables are discovered', async () => {
    for (const sql of file.discovery) expect(await ask(sql)).toHaveLength(1);
  });

  test.each(pack.queries.map((query) => [query.name, query] as const))(
    '%s',
    async (name, query) => {
      const expected = EXPECTED[name] ?? [{ '': 'no rows are expected of it' }];
      const scheduled = file.queries[name];
      expect(scheduled.query).toBe(`${sqlOf(query, consumerOf(query))};`);
      const rows = await ask(scheduled.query);
      expect(rows).toEqual(expected.map((row) => expect.objectContaining(row)));
      expect(await ask(sqlOf(query))).toEqual(rows);
      // Its second run: nothing new of events, the same of all else.
      expect(await ask(scheduled.query)).toEqual(query.kind === 'events' ? [] : rows);
    },
  );
});

test('names are unique over all packs, so that no two queries share a consumer', () => {
  const names = packs.flatMap(({ queries }) => queries.map(({ name }: PackQuery) => name));
  expect(names).toEqual([...new Set(names)]);
  expect(Object.keys(EXPECTED).sort()).toEqual([...names].sort());
});

test('no pack file without a pack', () => {
  const files = readdirSync(join(PACKAGING, 'packs')).filter((file) => file.endsWith('.conf'));
  expect(files.sort()).toEqual(packs.map(({ name }) => `${name}.conf`).sort());
});

test.each(readdirSync(join(PACKAGING, 'queries')))('the shipped query %s runs', async (file) => {
  const sql = readFileSync(join(PACKAGING, 'queries', file), 'utf8');
  expect(Array.isArray(await ask(sql))).toBe(true);
});
