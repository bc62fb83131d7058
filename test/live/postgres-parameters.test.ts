/** What is bound to $1, $2 …, against what the server's log says of it. */
import { CollectorProcess, type Row } from './collector-process.ts';
import { attached } from './postgres-attached.ts';
import { loggedParameters } from './postgres-log.ts';
import { client, installedPostgres, PostgresServer, stopServers } from './postgres-server.ts';
import { PostgresWire } from './postgres-wire.ts';
import * as workload from './postgres-workload.ts';
import { describeLive } from './requires.ts';

afterAll(stopServers);

const MAX_BYTES = 65_536;
/** The log writes values as the server shows them. */
const SETTINGS = {
  TimeZone: 'UTC',
  DateStyle: 'ISO',
  bytea_output: 'hex',
  extra_float_digits: '0',
};

const valuesOf = (json: Row[string] | undefined): unknown =>
  typeof json === 'string' ? JSON.parse(json) : null;

describeLive('postgres_queries with parameters on', () => {
  // The structures of parameters differ by version: before 13, from 13 on.
  const servers = installedPostgres().filter(({ name }) =>
    ['Debian 15', '10', '14', '18'].includes(name),
  );
  let collector: CollectorProcess;
  beforeAll(async () => {
    const on = { parameters: { postgres_queries: { on: true, max_bytes: MAX_BYTES } } };
    collector = await CollectorProcess.startWith(on);
  });
  afterAll(async () => {
    await collector.end();
  });

  test.each(servers.map((server) => [server.name, server] as const))(
    'PostgreSQL %s: the values that the log shows',
    async (_, installed) => {
      const server = await PostgresServer.start(installed, SETTINGS);
      await attached(collector, installed);
      workload.pythonClient(server, 'types');
      workload.pythonClient(server, 'psycopg');
      workload.pythonClient(server, 'pg8000');
      await workload.nodePostgres(server);
      server.run(client('pgbench'), ['-i', '-q']);
      for (const mode of ['extended', 'prepared'])
        server.run(client('pgbench'), ['-n', '-M', mode, '-t', '3']);
      const logged = loggedParameters(await server.log());
      const statements = [...logged.values()].flat();
      expect(statements.length).toBeGreaterThan(60);
      const sql = `SELECT pid, query, parameters FROM postgres_queries WHERE pid IN (${[...logged.keys()].join(', ')})
        AND protocol = 'extended' AND sqlstate IS NULL ORDER BY eid`;
      const rows = await collector.rows(sql, statements.length, 30_000);
      const shown = [...logged.keys()].flatMap((pid) => rows.filter((row) => row.pid === pid));
      expect(
        shown.map(({ query, parameters }) => ({ query, values: valuesOf(parameters) })),
      ).toEqual(statements);
      await server.stop();
    },
    180_000,
  );

  test('several portals, types that are not known, values that are too long', async () => {
    const [installed] = servers;
    if (!installed) throw new Error('no server');
    const server = await PostgresServer.start(installed, SETTINGS);
    await attached(collector, installed);
    const wire = await PostgresWire.connect(server.port, {
      user: 'postgres',
      database: 'postgres',
    });
    wire.parse('two', 'select $1::int, $2::text from generate_series(1, 4)');
    wire.bind('a', 'two', ['1', 'of a']).bind('b', 'two', ['2', null]);
    wire.execute('a', 2).execute('b', 2).execute('a', 2).execute('b', 0).execute('a', 0).sync();
    await wire.ready();
    const point = Buffer.alloc(16);
    wire.parse('', 'select $1::point').bind('', '', [point]).execute('', 0);
    wire.parse('', 'select 1').bind('', '').execute('', 0);
    const long = 'x'.repeat(MAX_BYTES);
    wire
      .parse('', 'select length($1::text), $2::int')
      .bind('', '', [long, '7'])
      .execute('', 0)
      .sync();
    await wire.ready();
    // Values that do not fit their types: refused before anything runs.
    wire.parse('', 'select $1::int').bind('', '', ['no number']).execute('', 0).sync();
    await wire.ready();
    wire.query('select 3');
    await wire.ready();
    wire.end();
    const rows = await collector.rows(
      `SELECT * FROM postgres_queries WHERE pid = ${wire.pid} ORDER BY eid`,
      10,
    );
    const values = rows.map(({ parameters }) => valuesOf(parameters));
    expect(values).toEqual([
      ['1', 'of a'],
      ['2', null],
      ['1', 'of a'],
      ['2', null],
      ['1', 'of a'],
      [{ oid: 600, hex: '0'.repeat(32) }],
      [],
      [{ length: MAX_BYTES }, '7'],
      null,
      null,
    ]);
    await server.stop();
  });
});
