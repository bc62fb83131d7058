/** Statements that fail, are broken off or left, and odd names, on PostgreSQL 10 to 18, against the server's log. */
import { CollectorProcess } from './collector-process.ts';
import { type LedgerRow, unaccounted } from './ledger.ts';
import { attached } from './postgres-attached.ts';
import { compare } from './postgres-compare.ts';
import * as hostile from './postgres-hostile.ts';
import { installedPostgres, PostgresServer, stopServers } from './postgres-server.ts';
import { describeLive } from './requires.ts';

afterAll(stopServers);

describeLive('postgres_queries, hostile clients', () => {
  let collector: CollectorProcess;
  beforeAll(async () => {
    collector = await CollectorProcess.start();
  });
  afterAll(() => collector.end());

  test.each(installedPostgres().map((server) => [server.name, server] as const))(
    'PostgreSQL %s: the statements of its log, one row each, with what came of them',
    async (_, installed) => {
      const server = await PostgresServer.start(installed);
      await attached(collector, installed);
      await hostile.copies(server);
      await hostile.messages(server);
      await hostile.portals(server);
      await hostile.texts(server);
      await hostile.names(server);
      await hostile.ends(server);
      await hostile.subscription(server);
      const { logged, rows } = await compare(collector, server);
      // The log does not tell protocol and name of what failed.
      const again = rows.filter(({ error }) => error === 'cursor "again" already exists');
      expect(again.map((row) => [row.statement_name, row.protocol])).toEqual([
        [null, 'simple'], // of a short text
        ['', 'extended'],
        [null, 'simple'], // of a long one
        ['', 'extended'],
      ]);
      const failed = rows.filter(({ query }) =>
        String(query).startsWith('select 1 / (random() * 0)::int -- x'),
      );
      expect(failed.map((row) => [row.statement_name, row.protocol, row.sqlstate])).toEqual(
        hostile.LENGTHS.map((length) => [`fails of ${length}`, 'extended', '22012']),
      );
      expect(logged.length).toBeGreaterThan(250);
      await server.stop();
    },
    120_000,
  );

  test('of two statements of one text that run in turns, which one it is is not known: NULL', async () => {
    const [installed] = installedPostgres();
    if (!installed) throw new Error('no PostgreSQL');
    const server = await PostgresServer.start(installed);
    await attached(collector, installed);
    const pid = await hostile.sameText(server);
    const sql = `SELECT statement_name, protocol FROM postgres_queries WHERE pid = ${pid} ORDER BY eid`;
    expect(await collector.rows(sql, 3, 30_000)).toEqual([
      { statement_name: 'one', protocol: 'extended' },
      { statement_name: null, protocol: 'extended' },
      { statement_name: 'other', protocol: 'extended' },
    ]);
    await server.stop();
  }, 60_000);

  test('the ledger balances', async () => {
    const [ring] = collector.query(
      "SELECT * FROM live_audit_rings WHERE table_name = 'postgres_queries'",
    );
    expect(Number(ring?.events_stored)).toBeGreaterThan(0);
    expect(unaccounted(ring as LedgerRow)).toBe(0);
    expect([ring?.lost_decode, ring?.lost_read]).toEqual([0, 0]);
  });
});
