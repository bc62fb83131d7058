/**
 * Thousands of connections on a few threads: each row has the text, the connection and the user of the one that
 * sent it, also when a collector is killed and another one goes on. LIVE_AUDIT_CONNECTIONS=10000 for the full
 * number, where open files allow it.
 */
import { CollectorProcess, type Row, until } from './collector-process.ts';
import { readGeneralLog } from './general-log.ts';
import { DEBIAN, isInstalled, MysqlServer } from './mysql-server.ts';
import { Com, executeHead, MysqlWire, type Statement } from './mysql-wire.ts';
import { describeLive } from './requires.ts';

const CONNECTIONS = Number(process.env.LIVE_AUDIT_CONNECTIONS ?? 2000);
const AT_ONCE = 100;
const USERS = 4;
const WAIT_MS = 60_000;

interface Client {
  readonly wire: MysqlWire;
  readonly user: string;
  prepared: Statement;
}

let collector: CollectorProcess;
let server: MysqlServer;
const clients: Client[] = [];
/** Rows that there must be: what each client sent. */
let sent = 0;

const userOf = (n: number): string => `user${n % USERS}`;
const preparedOf = (id: number): string => `SELECT ? + 0 /* of ${id} */`;
const textOf = (id: number, round: string): string => `SELECT ${id} /* ${round} of ${id} */`;

async function inBatches(act: (n: number) => Promise<void>): Promise<void> {
  for (let from = 0; from < CONNECTIONS; from += AT_ONCE)
    await Promise.all(
      Array.from({ length: Math.min(AT_ONCE, CONNECTIONS - from) }, (_, i) => act(from + i)),
    );
}

/** All at the same time: a text of its own, and what it has prepared. */
async function round(name: string): Promise<void> {
  await Promise.all(
    clients.map(async ({ wire, prepared }) => {
      expect(await wire.ask(Com.QUERY, textOf(wire.id, name))).toEqual([1]);
      const value = Buffer.from([0, 1, 3, 0, 1, 0, 0, 0]); // no NULL, types: an INT, 1
      expect(await wire.ask(Com.STMT_EXECUTE, executeHead(prepared.id), value)).toEqual([1]);
    }),
  );
  sent += 2 * clients.length;
}

const WHERE = "query LIKE '%of %' OR command = 'COM_STMT_EXECUTE'";

async function allRows(): Promise<Row[]> {
  const where = `pid = ${server.pid} AND (${WHERE})`;
  await until(() => {
    const [row] = collector.query(`SELECT count(*) AS n FROM mysql_queries WHERE ${where}`);
    return Number(row?.n) >= sent;
  }, WAIT_MS).catch(() => {});
  return collector.query(
    `SELECT connection_id, command, query, user, error_code, rows_sent, status FROM mysql_queries WHERE ${where} ORDER BY eid`,
  );
}

/** The text of a row, if it could be any other than it should be. */
const isOfOther = (row: Row): boolean =>
  row.query !== null && !String(row.query).endsWith(` of ${row.connection_id} */`);

const describeDebian = (name: string, body: () => void): void => {
  if (isInstalled(DEBIAN)) describeLive(name, body);
  else test.skip(`${name} (skipped: MariaDB is not installed)`, () => {});
};

describeDebian(`${DEBIAN.name}: ${CONNECTIONS} connections on a pool of threads`, () => {
  beforeAll(async () => {
    server = await MysqlServer.start(
      DEBIAN,
      ...['--thread-handling=pool-of-threads', '--thread-pool-size=4'],
      ...[`--max-connections=${CONNECTIONS + 1000}`, `--open-files-limit=${CONNECTIONS + 5000}`],
      ...['--back-log=1024', '--max-prepared-stmt-count=100000'],
    );
    const root = await server.connect();
    for (let n = 0; n < USERS; n++)
      for (const host of ['%', 'localhost'])
        await root.query(`CREATE USER '${userOf(n)}'@'${host}'`);
    collector = await CollectorProcess.startWith({
      ring_bytes: { mysql_queries: 128 * 1024 * 1024 },
    });
  }, 60_000);
  afterAll(async () => {
    for (const { wire } of clients) wire.close();
    await collector.end();
    await server.stop();
  }, 60_000);

  test('none missing, none of another, none twice: the general log has the same', async () => {
    await inBatches(async (n) => {
      const wire = await MysqlWire.connect(server.socket, userOf(n));
      const prepared = await wire.prepare(preparedOf(wire.id));
      clients[n] = { wire, user: userOf(n), prepared };
    });
    sent += CONNECTIONS;
    for (const name of ['first', 'second', 'third']) await round(name);
    const rows = await allRows();
    expect(rows.filter(isOfOther)).toEqual([]);
    const users = new Map(clients.map(({ wire, user }) => [wire.id, user]));
    expect(rows.filter((row) => row.user !== users.get(Number(row.connection_id)))).toEqual([]);
    expect(rows.filter((row) => row.error_code !== 0 || row.status !== 'SUCCESS')).toEqual([]);
    const names: Readonly<Record<string, string>> = {
      COM_QUERY: 'Query',
      COM_STMT_PREPARE: 'Prepare',
    };
    const ours = rows.map(
      (row) => `${row.connection_id} ${names[String(row.command)] ?? 'Execute'} ${row.query}`,
    );
    const theirs = readGeneralLog(server.generalLog)
      .filter(({ connection }) => users.has(connection))
      .filter(({ command }) => command !== 'Connect')
      .map(
        ({ connection, command, text }) =>
          `${connection} ${command} ${command === 'Execute' ? text.replace('1 + 0', '? + 0') : text}`,
      );
    expect(theirs.length).toBe(7 * CONNECTIONS);
    expect(ours.length).toBe(theirs.length);
    expect(ours.sort()).toEqual(theirs.sort());
  }, 300_000);

  test('while no collector is there, and after: what is not known any more is NULL, and never wrong', async () => {
    await collector.stop('SIGKILL');
    await round('between');
    collector = await collector.restarted();
    await round('after');
    const rows = await allRows();
    expect(rows.length).toBe(sent);
    expect(rows.filter(isOfOther)).toEqual([]);
    const users = new Map(clients.map(({ wire, user }) => [wire.id, user]));
    const later = rows.slice(7 * CONNECTIONS);
    const strange = later.filter(
      (row) => row.user !== null && row.user !== users.get(Number(row.connection_id)),
    );
    expect(strange).toEqual([]);
    const executed = later.filter((row) => row.command === 'COM_STMT_EXECUTE');
    const unknown = [later, executed].map(
      (some, i) => some.filter((row) => row[i === 0 ? 'user' : 'query'] === null).length,
    );
    expect(unknown).toEqual([0, 0]);
    // A connection tells who it is at its next statement.
    const after = later.slice(2 * CONNECTIONS);
    expect(after.filter((row) => row.user === null)).toEqual([]);
  }, 300_000);

  test('the ledger balances', () => {
    const [ring] = collector.query(
      "SELECT * FROM live_audit_rings WHERE table_name = 'mysql_queries'",
    );
    expect(Number(ring?.events_seen)).toBe(Number(ring?.events_stored));
  });
});
