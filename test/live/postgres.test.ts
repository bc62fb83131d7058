/** Every statement that clients ask of PostgreSQL 10 to 18, against the server's own log. */
import { CollectorProcess } from './collector-process.ts';
import { attached } from './postgres-attached.ts';
import { compare } from './postgres-compare.ts';
import { installedPostgres, PostgresServer, stopServers } from './postgres-server.ts';
import * as workload from './postgres-workload.ts';
import { describeLive } from './requires.ts';

afterAll(stopServers);

describeLive('postgres_queries against the server’s log', () => {
  const servers = installedPostgres();
  let collector: CollectorProcess;
  beforeAll(async () => {
    collector = await CollectorProcess.start();
  });
  afterAll(() => collector.end());

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
      const { logged, rows } = await compare(collector, server);
      expect(logged.length).toBeGreaterThan(160);
      await server.stop();
      expect(rows.every((row) => String(row.server_version).startsWith(`${installed.major}`))).toBe(
        true,
      );
    },
    180_000,
  );
});
