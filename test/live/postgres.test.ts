/** Every statement that clients ask of PostgreSQL 10 to 18, against the server's own log. */
import { CollectorProcess, type Row } from './collector-process.ts';
import { attached } from './postgres-attached.ts';
import { type Logged, loggedStatements } from './postgres-log.ts';
import { installedPostgres, PostgresServer, stopServers } from './postgres-server.ts';
import * as workload from './postgres-workload.ts';
import { describeLive } from './requires.ts';

afterAll(stopServers);

/** A row as the log would have it; `name` and `protocol` where the log cannot tell are taken from it. */
function comparable(row: Row): Record<string, unknown> {
  return {
    query: row.query,
    protocol: row.protocol,
    name: row.statement_name,
    user: row.user,
    database: row.database,
    from:
      row.client_port === null ? row.client_address : `${row.client_address}:${row.client_port}`,
    application: row.application_name,
    sqlstate: row.sqlstate,
    error: row.error,
  };
}

function expected(logged: Logged, row: Row | undefined): Record<string, unknown> {
  const { pid: _, duration: __, parameters: ___, ...rest } = logged;
  const renames = /application_name|reset all|discard all/i.test(logged.query);
  return {
    ...rest,
    // Names are known of the functions that libpq calls.
    query: logged.query.replace(/^(fastpath function call: )"random" /, '$1'),
    // A statement that the parser or Bind refused is in the log as an error alone.
    protocol: logged.protocol ?? row?.protocol,
    name: logged.protocol === null ? row?.statement_name : logged.name,
    application: renames ? row?.application_name : logged.application,
  };
}

describeLive('postgres_queries against the server’s log', () => {
  const servers = installedPostgres();
  let collector: CollectorProcess;
  beforeAll(async () => {
    collector = await CollectorProcess.start();
  });
  afterAll(() => collector.end());

  async function compare(server: PostgresServer): Promise<{ logged: Logged[]; rows: Row[] }> {
    const logged = loggedStatements(await server.log());
    const pids = [...new Set(logged.map(({ pid }) => pid))];
    const sql = `SELECT * FROM postgres_queries WHERE pid IN (${pids.join(', ')}) ORDER BY eid`;
    const rows = await collector.rows(sql, logged.length, 30_000);
    const ours = pids.flatMap((pid) => rows.filter((row) => row.pid === pid));
    const theirs = pids.flatMap((pid) => logged.filter((statement) => statement.pid === pid));
    expect(ours.map(comparable)).toEqual(theirs.map((log, i) => expected(log, ours[i])));
    return { logged, rows };
  }

  test('servers are there', () => {
    expect(servers.map(({ name }) => name)).toContain('Debian 15');
    if (process.arch === 'x64') expect(servers).toHaveLength(10);
  });

  test.each(servers.map((server) => [server.name, server] as const))(
    'PostgreSQL %s: the same statements, one row each, with what came of them',
    async (_, installed) => {
      const server = await PostgresServer.start(installed);
      await attached(collector, installed);
      workload.psql(server);
      workload.parallel(server);
      workload.pgbench(server);
      workload.long(server);
      workload.replication(server);
      await workload.nodePostgres(server);
      workload.pythonClient(server, 'psycopg');
      workload.pythonClient(server, 'pg8000');
      await workload.oddities(server);
      const { logged, rows } = await compare(server);
      expect(logged.length).toBeGreaterThan(160);
      await server.stop();
      expect(rows.every((row) => String(row.server_version).startsWith(`${installed.major}`))).toBe(
        true,
      );
    },
    180_000,
  );
});
