import { CollectorProcess, type Row, until } from './collector-process.ts';
import { attached } from './postgres-attached.ts';
import { installedPostgres, PostgresServer, stopServers } from './postgres-server.ts';
import { PostgresWire } from './postgres-wire.ts';
import * as workload from './postgres-workload.ts';
import { describeLive } from './requires.ts';

const USER = { user: 'postgres', database: 'postgres' };
const installed = installedPostgres();
const the = (name: string) => {
  const found = installed.find((server) => server.name === name);
  if (!found) throw new Error(`PostgreSQL ${name} is not installed`);
  return found;
};

afterAll(stopServers);

describeLive('postgres_queries', () => {
  let collector: CollectorProcess;
  let server: PostgresServer;
  beforeAll(async () => {
    server = await PostgresServer.start(the('Debian 15'));
    collector = await CollectorProcess.start();
    await attached(collector, server.installed);
  });
  afterAll(() => collector.end());

  const rowsOf = (pid: number, count: number): Promise<Row[]> =>
    collector.rows(`SELECT * FROM postgres_queries WHERE pid = ${pid} ORDER BY eid`, count, 30_000);

  test('rows, tag, times and text are those of the statement', async () => {
    const wire = await PostgresWire.connect(server.port, { ...USER, application_name: 'app' });
    const before = Date.now();
    for (const text of [
      'create table counted as select generate_series(1, 7) as a',
      'insert into counted values (8), (9)',
      'update counted set a = a + 1 where a > 5',
      'delete from counted',
      'select pg_sleep(0.05)',
      'drop table counted',
      'select 1; select 2 union select 3',
    ]) {
      wire.query(text);
      await wire.ready();
    }
    const after = Date.now();
    wire.end();
    const rows = await rowsOf(wire.pid, 7);
    expect(rows.map(({ command_tag, rows: n }) => [command_tag, n])).toEqual([
      ['SELECT', 7],
      ['INSERT', 2],
      ['UPDATE', 4],
      ['DELETE', 9],
      ['SELECT', 1],
      ['DROP TABLE', null],
      ['SELECT', 2],
    ]);
    for (const row of rows) {
      expect(row.query_length).toBe(String(row.query).length);
      expect(row.truncated).toBe(0);
      const began = Number(row.time_ns) / 1e6;
      expect(began).toBeGreaterThanOrEqual(before - 1);
      expect(began + Number(row.duration) / 1e6).toBeLessThanOrEqual(after + 5);
      expect(row).toMatchObject({
        ...{ time: Math.floor(Number(row.time_ns) / 1e9), uid: 65_534, user: 'postgres' },
        ...{ database: 'postgres', application_name: 'app', client_address: '127.0.0.1' },
        ...{ client_port: wire.localPort, server_path: `${server.installed.bin}/postgres` },
        ...{ container_id: null, parameters: null },
      });
      expect(row.server_version).toMatch(/^15\.\d+ \(Debian /);
    }
    const sleep = Number(rows[4]?.duration) / 1e6;
    expect(sleep).toBeGreaterThanOrEqual(50);
  });

  test('the same statement has one fingerprint, and is found by it', async () => {
    const wire = await PostgresWire.connect(server.port, USER);
    for (const text of ['select 41 + 1', 'SELECT 5 + 7', "select 'other'"]) {
      wire.query(text);
      await wire.ready();
    }
    wire.end();
    const rows = await rowsOf(wire.pid, 3);
    expect(rows[0]?.fingerprint).toMatch(/^[0-9a-f]{16}$/);
    const sql = `SELECT query, normalized FROM postgres_queries WHERE pid = ${wire.pid} AND fingerprint = '${rows[0]?.fingerprint}'`;
    expect(collector.query(sql)).toEqual([
      { query: 'select 41 + 1', normalized: 'select $1 + $2' },
      { query: 'SELECT 5 + 7', normalized: 'SELECT $1 + $2' },
    ]);
  });

  test('hostile texts are stored whole, or cut and said to be', async () => {
    const base = await PostgresWire.connect(server.port, USER);
    base.query("create database bytes encoding 'SQL_ASCII' template template0");
    await base.ready();
    base.end();
    const wire = await PostgresWire.connect(server.port, { ...USER, database: 'bytes' });
    const hostile = Buffer.from(
      "select '\xff\xfe\x80 \x1b[2J\x1b]0;x\x07 \r\n\t\x01 \u0000",
      'latin1',
    );
    const long = 20 * 1024 * 1024;
    wire.query(Buffer.concat([hostile.subarray(0, -1), Buffer.from("'")]));
    await wire.ready();
    wire.query(
      Buffer.concat([Buffer.from("select length('"), Buffer.alloc(long, 'x'), Buffer.from("')")]),
    );
    await wire.ready();
    wire.query('select 1 -- \u2028 \u202e bidi');
    await wire.ready();
    wire.end();
    const rows = await rowsOf(wire.pid, 3);
    expect(rows[0]).toMatchObject({
      query: "select '\\xff\\xfe\\x80 \u001b[2J\u001b]0;x\u0007 \r\n\t\u0001 '",
      ...{ truncated: 0, command_tag: 'SELECT', database: 'bytes' },
    });
    expect(rows[1]).toMatchObject({
      truncated: 1,
      query_length: long + "select length('')".length,
    });
    expect(String(rows[1]?.query)).toMatch(/^select length\('x+$/);
    expect(String(rows[1]?.query)).toHaveLength(1024 * 1024);
    expect(rows[2]?.query).toBe('select 1 -- \u2028 \u202e bidi');
  }, 60_000);

  test('a backend that is killed, and those that go with it', async () => {
    const pid = await workload.killed(server);
    const sql =
      "SELECT * FROM postgres_queries WHERE query LIKE 'select pg_sleep(5_)' ORDER BY query, eid";
    const rows = await collector.rows(sql, 2, 30_000);
    expect(
      rows.map((row) => [row.query, row.error, row.sqlstate, row.command_tag, row.protocol]),
    ).toEqual([
      ['select pg_sleep(51)', 'terminated by signal 9: Killed', null, null, 'simple'],
      // The postmaster ends it with SIGQUIT, and it says so itself; or it is gone before.
      [
        'select pg_sleep(52)',
        expect.stringMatching(/^terminat/),
        rows[1]?.sqlstate,
        null,
        'simple',
      ],
    ]);
    expect(rows[0]?.pid).toBe(pid);
    expect(Number(rows[0]?.duration)).toBeGreaterThan(0);
    await until(() => server.psql(['-c', 'select 1']) === '1\n');
  }, 60_000);
});
