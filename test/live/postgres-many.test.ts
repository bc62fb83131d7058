/** More backends than the kernel side remembers: who is connected is known all the same, and never another one. */
import { CollectorProcess } from './collector-process.ts';
import { attached } from './postgres-attached.ts';
import { installedPostgres, PostgresServer, stopServers } from './postgres-server.ts';
import { PostgresWire } from './postgres-wire.ts';
import { describeLive } from './requires.ts';

/** MAX_BACKENDS (bpf/postgres-backend.bpf.h), and some more. */
const CONNECTIONS = 4500;
const AT_ONCE = 20;
const USER = { user: 'postgres', database: 'postgres' };

afterAll(stopServers);

describeLive('postgres_queries of thousands of connections', () => {
  test('a connection that is older than all of them, after a new collector began', async () => {
    const [installed] = installedPostgres();
    if (!installed) throw new Error('no PostgreSQL is installed');
    const server = await PostgresServer.start(installed);
    let collector = await CollectorProcess.start();
    try {
      await attached(collector, installed);
      const old = await PostgresWire.connect(server.port, { ...USER, application_name: 'old' });
      const ask = async (wire: PostgresWire, text: string) => {
        wire.query(text);
        await wire.ready();
      };
      await ask(old, 'select 1');
      for (let n = 0; n < CONNECTIONS; n += AT_ONCE) {
        await Promise.all(
          Array.from({ length: AT_ONCE }, async (_, i) => {
            const name = `app ${n + i}`;
            const wire = await PostgresWire.connect(server.port, {
              ...USER,
              application_name: name,
            });
            await ask(wire, `select '${name}'`);
            wire.end();
          }),
        );
        await ask(old, 'select 2');
      }
      const where = `server_path = '${installed.bin}/postgres' AND query LIKE 'select ''app %'`;
      const [found] = await collector.rows(
        `SELECT count(*) AS n, sum(query = 'select ''' || application_name || '''') AS own FROM postgres_queries WHERE ${where} HAVING n >= ${CONNECTIONS}`,
        1,
        30_000,
      );
      expect(found).toEqual({ n: CONNECTIONS, own: CONNECTIONS });
      await collector.stop('SIGKILL');
      collector = await collector.restarted();
      await ask(old, 'select 3');
      const sql = `SELECT user, application_name FROM postgres_queries WHERE pid = ${old.pid} AND query = 'select 3'`;
      expect(await collector.rows(sql, 1, 10_000)).toEqual([
        { user: 'postgres', application_name: 'old' },
      ]);
      old.end();
    } finally {
      await collector.end();
      await server.stop();
    }
  }, 120_000);
});
