/** Around the attach: older connections, a collector that goes and comes, a server that is killed. */
import type { Connection } from 'mysql2/promise';
import { CollectorProcess, type Row, until } from './collector-process.ts';
import { ALL, DEBIAN, isInstalled, MYSQL_5_6, MysqlServer } from './mysql-server.ts';
import { describeLive } from './requires.ts';

let collector: CollectorProcess;
const servers: MysqlServer[] = [];

afterEach(async () => {
  await collector.end();
  for (const server of servers.splice(0)) await server.stop();
});

async function start(...[installed, ...args]: Parameters<typeof MysqlServer.start>) {
  const server = await MysqlServer.start(installed, ...args);
  servers.push(server);
  return server;
}

async function rows({ pid }: MysqlServer, where: string, count: number): Promise<Row[]> {
  let found: Row[] = [];
  const sql = `SELECT * FROM mysql_queries WHERE pid = ${pid} AND (${where}) ORDER BY eid`;
  await until(() => {
    found = collector.query(sql);
    return found.length >= count;
  }).catch(() => {});
  return found;
}

const idOf = async (connection: Connection): Promise<number> => {
  const [result] = await connection.query('SELECT CONNECTION_ID() AS id');
  return Number((result as { id: number }[])[0]?.id);
};

for (const installed of ALL.filter(isInstalled))
  describeLive(installed.name, () => {
    test('a connection and its statements that are older than the attach', async () => {
      const server = await start(installed);
      const old = await server.connect({ database: 'mysql' });
      const id = await idOf(old);
      const prepared = await old.prepare('SELECT ? AS before_the_attach');
      collector = await CollectorProcess.start();
      await prepared.execute([1]);
      await old.query('SELECT 2');
      const after = await old.prepare('SELECT ? AS after_the_attach');
      await after.execute([3]);
      const found = await rows(server, `connection_id = ${id}`, 4);
      expect(
        found.map((row) => [row.command, row.query, row.user, row.host, row.database]),
      ).toEqual([
        ['COM_STMT_EXECUTE', null, 'root', 'localhost', 'mysql'],
        ['COM_QUERY', 'SELECT 2', 'root', 'localhost', 'mysql'],
        ['COM_STMT_PREPARE', 'SELECT ? AS after_the_attach', 'root', 'localhost', 'mysql'],
        ['COM_STMT_EXECUTE', 'SELECT ? AS after_the_attach', 'root', 'localhost', 'mysql'],
      ]);
    }, 60_000);
  });

const describeDebian = (name: string, body: () => void): void => {
  if (isInstalled(DEBIAN)) describeLive(name, body);
  else test.skip(`${name} (skipped: MariaDB is not installed)`, () => {});
};

describeDebian('a collector that goes and comes', () => {
  test('kill -9 under load: none missing, none twice; who and what was prepared is still known', async () => {
    const server = await start(DEBIAN);
    collector = await CollectorProcess.start();
    const connection = await server.connect({ database: 'mysql' });
    const id = await idOf(connection);
    const prepared = await connection.prepare('SELECT ? AS prepared');
    let going = true;
    let sent = 0;
    const load = (async () => {
      while (going) {
        await connection.query(`SELECT ${sent++} /* load */`);
        await prepared.execute([sent]);
        if (sent % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
      }
    })();
    for (let i = 0; i < 5; i++) {
      await new Promise((resolve) => setTimeout(resolve, 100 + 100 * i));
      await collector.stop('SIGKILL');
      await new Promise((resolve) => setTimeout(resolve, 50));
      collector = await collector.restarted();
    }
    going = false;
    await load;
    const found = await rows(server, `connection_id = ${id} AND query LIKE '%load%'`, sent);
    expect(found.map((row) => row.query)).toEqual(
      Array.from({ length: sent }, (_, n) => `SELECT ${n} /* load */`),
    );
    const strangers = found.filter((row) => row.user !== 'root' || row.database !== 'mysql');
    expect([strangers.length, strangers[0]]).toEqual([0, undefined]);
    const executed = await rows(server, "command = 'COM_STMT_EXECUTE'", sent);
    expect(executed.length).toBe(sent);
    expect(executed.filter((row) => row.query !== 'SELECT ? AS prepared').length).toBe(0);
  }, 60_000);
});

describeDebian('a server that is killed', () => {
  test('in the midst of a statement: the statement is a row that says so', async () => {
    const server = await start(DEBIAN);
    collector = await CollectorProcess.start();
    const connection = await server.connect();
    const killed = connection.query("SELECT SLEEP(30), 'killed'").catch((error) => error.code);
    await new Promise((resolve) => setTimeout(resolve, 300));
    server.child.kill('SIGKILL');
    await killed;
    const [row] = await rows(server, "query LIKE '%killed%'", 1);
    expect(row).toMatchObject({ status: 'NOT_CAPTURED', return_code: -1, error_code: null });
    expect(Number(row?.duration)).toBeGreaterThan(0.2e9);
  }, 30_000);

  test('a statement that KILL ended, and a connection', async () => {
    const server = await start(DEBIAN);
    collector = await CollectorProcess.start();
    const root = await server.connect();
    for (const [kill, code] of [
      ['KILL QUERY', 1317],
      ['KILL', 1053],
    ] as const) {
      const victim = await server.connect();
      const id = await idOf(victim);
      const ended = victim
        .query('SELECT * FROM mysql.user WHERE SLEEP(30) /* victim */')
        .catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, 200));
      await root.query(`${kill} ${id}`);
      await ended;
      const [row] = await rows(server, `connection_id = ${id} AND query LIKE '%victim%'`, 1);
      expect(row?.status).toMatch(/SUCCESS|CLOSE_CONNECTION/);
      expect([code, 1317, 1927]).toContain(row?.error_code);
    }
  }, 30_000);
});

describeDebian('two servers of different flavors at once', () => {
  const both = isInstalled(MYSQL_5_6) ? test : test.skip;
  both(
    'keep their statements apart',
    async () => {
      const [maria, mysql] = [await start(DEBIAN), await start(MYSQL_5_6)];
      collector = await CollectorProcess.start();
      const connections = [await maria.connect(), await mysql.connect()];
      for (let n = 0; n < 50; n++)
        await Promise.all(connections.map((c, i) => c.query(`SELECT ${n} AS of_${i}`)));
      for (const [i, server] of [maria, mysql].entries()) {
        const found = await rows(server, "query GLOB 'SELECT * AS of_[01]'", 50);
        expect(found.map((row) => row.query)).toEqual(
          Array.from({ length: 50 }, (_, n) => `SELECT ${n} AS of_${i}`),
        );
        expect(new Set(found.map((row) => row.flavor))).toEqual(new Set([['mariadb', 'mysql'][i]]));
      }
    },
    60_000,
  );
});
