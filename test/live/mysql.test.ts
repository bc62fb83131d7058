/** Each real server against its own general log and what its clients were told. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import type { Connection, ResultSetHeader } from 'mysql2/promise';
import { CollectorProcess, type Row, until } from './collector-process.ts';
import { type Logged, readGeneralLog } from './general-log.ts';
import { ALL, DEBIAN, type Installed, isInstalled, MysqlServer } from './mysql-server.ts';
import { BUILD, describeLive } from './requires.ts';

const PYTHON = path.join(BUILD, 'python/bin/python');
const CLIENT = path.join(__dirname, 'mysql-client.py');
/** Commands that the log has a line for, and the log's name. */
const LOGGED: Readonly<Record<string, string>> = {
  COM_QUERY: 'Query',
  COM_INIT_DB: 'Init DB',
  COM_STMT_PREPARE: 'Prepare',
  COM_FIELD_LIST: 'Field List',
};

/** ER_PARSE_ERROR */
const PARSE_ERROR = 1064;

let collector: CollectorProcess;
let server: MysqlServer;

const rowsOf = (where = 'true'): Row[] =>
  collector.query(
    `SELECT * FROM mysql_queries WHERE pid = ${server.pid} AND (${where}) ORDER BY eid`,
  );

async function rows(where: string, count: number): Promise<Row[]> {
  let found: Row[] = [];
  await until(() => {
    found = rowsOf(where);
    return found.length >= count;
  }, 8000).catch(() => {});
  return found;
}

const sorted = (texts: readonly string[]): string[] => [...texts].sort();

/** The server takes spaces and the semicolon off the end before it logs. */
const asLogged = (text: unknown): string => String(text).replace(/^\s+|[\s;]+$/g, '');

const idOf = async (connection: Connection): Promise<number> => {
  const [result] = await connection.query('SELECT CONNECTION_ID() AS id');
  return Number((result as { id: number }[])[0]?.id);
};

const installed = ALL.filter(isInstalled);
const missing = ALL.filter((server) => !isInstalled(server));
for (const { name } of missing) test.skip(`${name} (skipped: it is not installed)`, () => {});

const eachServer = (name: string, body: (installed: Installed) => void) => {
  for (const each of installed) describeLive(`${each.name}: ${name}`, () => body(each));
};

eachServer('what clients ask', (installed) => {
  beforeAll(async () => {
    server = await MysqlServer.start(installed, '--event-scheduler=ON');
    collector = await CollectorProcess.start();
  }, 60_000);
  afterAll(async () => {
    await collector.end();
    await server.stop();
  });

  test('the texts of three drivers are those of the general log, each once', async () => {
    const connections = await Promise.all([1, 2, 3].map(() => server.connect()));
    await Promise.all(
      connections.map(async (connection, i) => {
        await connection.query(`CREATE DATABASE d${i}`);
        await connection.query(`USE d${i}`);
        await connection.query('CREATE TABLE t (id INT, text VARCHAR(50)) ENGINE=MyISAM');
        for (let n = 0; n < 50; n++) {
          await connection.query(`INSERT INTO t VALUES (${n}, 'text ${i} ${n}')`);
          await connection.execute('SELECT text FROM t WHERE id = ?', [n]);
        }
        await connection.query('  SELECT 1 /* spaces */ ; ');
        await connection.query('SELECT nonsense').catch(() => {});
        await connection.ping();
      }),
    );
    const python = spawnSync(PYTHON, [CLIENT, server.socket, '20'], { encoding: 'utf8' });
    expect(python.stderr).toBe('');
    const client = spawnSync(
      'mariadb',
      [
        '--no-defaults',
        '-uroot',
        `-S${server.socket}`,
        '-A',
        'mysql',
        '-e',
        'SELECT 7; SHOW TABLES',
      ],
      { encoding: 'utf8' },
    );
    expect(client.stderr).toBe('');
    await server.connect().then((connection) => connection.query('SELECT 99 /* last */'));
    await rows("query = 'SELECT 99 /* last */'", 1);

    const captured = rowsOf();
    // What came before the attach, and what servers answer without a log line.
    const first = Math.min(...captured.map((row) => Number(row.connection_id)));
    const logged = readGeneralLog(server.generalLog).filter((entry) => entry.connection >= first);
    const line = (command: string, connection: unknown, text: unknown) =>
      `${connection} ${command} ${asLogged(text)}`;
    const ofLog = (entries: readonly Logged[]) =>
      sorted(entries.map(({ command, connection, text }) => line(command, connection, text)));
    const names = new Set(Object.values(LOGGED));
    expect(
      sorted(
        captured
          .filter((row) => String(row.command) in LOGGED)
          // MySQL 5.6 logs what it could parse.
          .filter((row) => row.flavor === 'mariadb' || row.error_code !== PARSE_ERROR)
          .map((row) => line(LOGGED[String(row.command)] ?? '', row.connection_id, row.query)),
      ),
    ).toEqual(ofLog(logged.filter(({ command }) => names.has(command))));
    const executed = captured.filter((row) => row.command === 'COM_STMT_EXECUTE');
    expect(executed.map((row) => row.query)).toEqual(
      executed.map(() => 'SELECT text FROM t WHERE id = ?'),
    );
    expect(sorted(executed.map((row) => String(row.connection_id)))).toEqual(
      sorted(
        logged.filter(({ command }) => command === 'Execute').map((e) => String(e.connection)),
      ),
    );
    const unasked = new Set(['COM_PING', 'COM_QUIT', 'COM_STATISTICS']);
    expect(captured.filter((row) => unasked.has(String(row.command)))).toEqual([]);
  }, 60_000);

  test('who, where, and what came of it', async () => {
    const root = await server.connect();
    await root.query('CREATE DATABASE app');
    // 'localhost', too: old data directories have an anonymous user there.
    for (const host of ['%', 'localhost', '127.0.0.1'])
      await root.query(`GRANT ALL ON app.* TO 'ann'@'${host}' IDENTIFIED BY 'sesame'`);
    const ann = await server.connectByPort({ user: 'ann', password: 'sesame', database: 'app' });
    const id = await idOf(ann);
    await ann.query('CREATE TABLE t (id INT PRIMARY KEY) ENGINE=MyISAM');
    const [inserted] = await ann.query<ResultSetHeader>('INSERT INTO t VALUES (1), (2), (3)');
    await ann.query('SELECT * FROM t WHERE id > 1');
    const failed = await ann.query('INSERT INTO t VALUES (1)').catch((error) => error);
    await ann.query('UPDATE t SET id = id + 10').then(() => ann.query('USE app'));
    await ann.query('SELECT SLEEP(0.2)');
    const all = await rows(`connection_id = ${id}`, 8);
    expect(all.every((row) => row.user === 'ann' && row.pid === server.pid)).toBe(true);
    expect(new Set(all.map((row) => row.host)).size).toBe(1);
    expect(['localhost', '127.0.0.1']).toContain(all[0]?.host);
    expect(
      all.map(({ query, database, error_code, sqlstate, rows_sent, rows_affected }) => [
        query,
        database,
        error_code,
        sqlstate,
        rows_sent,
        rows_affected,
      ]),
    ).toEqual([
      ['SELECT CONNECTION_ID() AS id', 'app', 0, null, 1, null],
      ['CREATE TABLE t (id INT PRIMARY KEY) ENGINE=MyISAM', 'app', 0, null, 0, 0],
      ['INSERT INTO t VALUES (1), (2), (3)', 'app', 0, null, 0, inserted.affectedRows],
      ['SELECT * FROM t WHERE id > 1', 'app', 0, null, 2, null],
      ['INSERT INTO t VALUES (1)', 'app', failed.errno, failed.sqlState, 0, null],
      ['UPDATE t SET id = id + 10', 'app', 0, null, 0, 3],
      ['USE app', 'app', 0, null, 0, 0],
      ['SELECT SLEEP(0.2)', 'app', 0, null, 1, null],
    ]);
    expect(all[4]?.error).toBe(failed.sqlMessage);
    expect(all.map((row) => [row.status, row.return_code])).toEqual(all.map(() => ['SUCCESS', 0]));
    expect(Number(all[7]?.duration)).toBeGreaterThan(0.2e9);
    const [version] = await root.query('SELECT VERSION() AS v');
    expect(all[0]?.server_version).toBe((version as { v: string }[])[0]?.v);
    expect(all[0]?.flavor).toBe(installed.name.startsWith('MariaDB') ? 'mariadb' : 'mysql');
    expect(all[0]?.server_path).toBe(fs.realpathSync(installed.program));
  }, 30_000);

  test('USE and COM_INIT_DB are followed, in place too', async () => {
    const connection = await server.connect();
    for (const name of ['longer_name', 'short', 'other'])
      await connection.query(`CREATE DATABASE ${name}`);
    const id = await idOf(connection);
    for (const name of ['longer_name', 'short', 'other', 'longer_name'])
      await connection.query(`USE ${name}`).then(() => connection.query(`SELECT '${name}'`));
    await connection
      .query('DROP DATABASE longer_name')
      .then(() => connection.query("SELECT 'none'"));
    const selects = await rows(`connection_id = ${id} AND query LIKE 'SELECT ''%'`, 5);
    expect(selects.map((row) => [row.query, row.database])).toEqual([
      ["SELECT 'longer_name'", 'longer_name'],
      ["SELECT 'short'", 'short'],
      ["SELECT 'other'", 'other'],
      ["SELECT 'longer_name'", 'longer_name'],
      ["SELECT 'none'", null],
    ]);
  });

  test('several statements in one packet: a row each, and what failed', async () => {
    const connection = await server.connect({ multipleStatements: true });
    const id = await idOf(connection);
    await connection.query("SELECT 1; SELECT ';' AS s ;  SELECT 1 UNION SELECT 2;");
    await connection.query('SELECT 5; SELECT wrong; SELECT 6').catch(() => {});
    await connection.query('SELECT 7; SELEC; SELECT 8').catch(() => {});
    const long = `SELECT '${'é'.repeat(3000)}'`;
    await connection.query(`${long}; SELECT 3`);
    const parts = (await rows(`connection_id = ${id}`, 10)).slice(1);
    expect(parts.map((row) => [row.query, row.rows_sent, row.error_code])).toEqual([
      ['SELECT 1', 1, 0],
      ["SELECT ';' AS s", 1, 0],
      ['SELECT 1 UNION SELECT 2', 2, 0],
      ['SELECT 5', 1, 0],
      ['SELECT wrong', 0, 1054],
      ['SELECT 7', 1, 0],
      ['SELEC; SELECT 8', 0, PARSE_ERROR],
      [long, 1, 0],
      ['SELECT 3', 1, 0],
    ]);
  });

  test('procedures, functions, triggers: the client’s statement is one row; events are none', async () => {
    const connection = await server.connect({ database: 'app' });
    await connection.query('CREATE TABLE log (n INT) ENGINE=MyISAM');
    await connection.query('CREATE TABLE source (n INT) ENGINE=MyISAM');
    await connection.query(
      'CREATE TRIGGER tr AFTER INSERT ON source FOR EACH ROW INSERT INTO log VALUES (NEW.n)',
    );
    await connection.query(
      `CREATE PROCEDURE p() BEGIN DECLARE CONTINUE HANDLER FOR SQLEXCEPTION SET @caught = 1;
       INSERT INTO no_such_table VALUES (1); SELECT * FROM log; INSERT INTO source VALUES (2), (3); END`,
    );
    await connection.query('CREATE FUNCTION f() RETURNS INT RETURN (SELECT COUNT(*) FROM log)');
    await connection.query(
      "CREATE EVENT e ON SCHEDULE EVERY 1 SECOND DO INSERT INTO log VALUES ('4711')",
    );
    const id = await idOf(connection);
    await connection.query('INSERT INTO source VALUES (1)');
    await connection.query('CALL p()');
    await connection.query('SELECT f()');
    await new Promise((resolve) => setTimeout(resolve, 1300));
    const [count] = await connection.query('SELECT COUNT(*) AS n FROM log WHERE n = 4711');
    await connection.query('DROP EVENT e');
    expect(Number((count as { n: number }[])[0]?.n)).toBeGreaterThan(0);
    const all = await rows(`connection_id = ${id}`, 12);
    const after = all.slice(all.findIndex((row) => row.query === 'INSERT INTO source VALUES (1)'));
    expect(after.map((row) => [row.query, row.error_code])).toEqual([
      ['INSERT INTO source VALUES (1)', 0],
      ['CALL p()', 0],
      ['SELECT f()', 0],
      ['SELECT COUNT(*) AS n FROM log WHERE n = 4711', 0],
      ['DROP EVENT e', 0],
    ]);
    expect(rowsOf("query LIKE '%INSERT INTO log VALUES (''4711'')%'").length).toBe(1); // CREATE EVENT
  }, 30_000);

  test('texts of every length, bytes that are no UTF-8, and NUL', async () => {
    const connection = await server.connect();
    await connection.query('SET GLOBAL max_allowed_packet = 16777216');
    const large = await server.connect();
    const id = await idOf(large);
    const lengths = [1015, 1016, 1017, 4096, 16_384, 65_536, 65_537, 200_000, 1_048_576, 1_400_000];
    for (const length of lengths)
      await large.query(`SELECT ${length} -- ${'x'.repeat(length - 11 - String(length).length)}`);
    const bytes = Buffer.concat([
      Buffer.from("SELECT 'a\0b', '"),
      Buffer.from([0xff, 0xc3]),
      Buffer.from("'"),
    ]);
    await large.query({ sql: bytes } as never).catch(() => {});
    const all = (await rows(`connection_id = ${id}`, lengths.length + 1)).slice(1);
    expect(all.slice(0, lengths.length).map((row) => [row.query_length, row.truncated])).toEqual(
      lengths.map((length) => [length, length > 1_048_576 ? 1 : 0]),
    );
    for (const [i, length] of lengths.entries())
      expect(String(all[i]?.query).length).toBe(Math.min(length, 1_048_576));
  }, 60_000);

  test('prepared: failed ones count too, PREPARE in SQL as well, closed and reset', async () => {
    const connection = await server.connect();
    const id = await idOf(connection);
    const first = await connection.prepare('SELECT ? AS first');
    await connection.prepare('SELEC wrong').catch(() => {});
    await connection.query("PREPARE s FROM 'SELECT 5'");
    await connection.query('EXECUTE s');
    const second = await connection.prepare('SELECT ? AS second');
    await second.execute([2]);
    await first.execute([1]);
    await first.close();
    const third = await connection.prepare('SELECT ? + ? AS third');
    await third.execute([3, 4]);
    await second.execute([5]);
    const all = (await rows(`connection_id = ${id}`, 11)).slice(1);
    expect(all.map((row) => [row.command, row.query, row.error_code])).toEqual([
      ['COM_STMT_PREPARE', 'SELECT ? AS first', 0],
      ['COM_STMT_PREPARE', 'SELEC wrong', 1064],
      ['COM_QUERY', "PREPARE s FROM 'SELECT 5'", 0],
      ['COM_QUERY', 'EXECUTE s', 0],
      ['COM_STMT_PREPARE', 'SELECT ? AS second', 0],
      ['COM_STMT_EXECUTE', 'SELECT ? AS second', 0],
      ['COM_STMT_EXECUTE', 'SELECT ? AS first', 0],
      ['COM_STMT_CLOSE', 'SELECT ? AS first', 0],
      ['COM_STMT_PREPARE', 'SELECT ? + ? AS third', 0],
      ['COM_STMT_EXECUTE', 'SELECT ? + ? AS third', 0],
      ['COM_STMT_EXECUTE', 'SELECT ? AS second', 0],
    ]);
  });
});

/** Statements that sleep, on many connections at once: each must be there once, with its own text. */
async function sleepers(threads: number, each: number, seconds: number): Promise<void> {
  const connections = await Promise.all(Array.from({ length: threads }, () => server.connect()));
  const tag = `t${threads}x${each}`;
  const texts: string[] = [];
  await Promise.all(
    connections.map(async (connection, thread) => {
      for (let n = 0; n < each; n++) {
        const text = `SELECT SLEEP(${seconds}) /* ${tag} ${thread} ${n} */`;
        texts.push(text);
        await connection.query(text);
      }
    }),
  );
  const found = await rows(`query LIKE '%/* ${tag} %'`, texts.length);
  expect(sorted(found.map((row) => String(row.query)))).toEqual(sorted(texts));
  expect(found.filter((row) => Number(row.duration) < seconds * 1e9)).toEqual([]);
  const threadsOf = new Map(
    found.map((row) => [String(row.query).split(' ')[4], row.connection_id]),
  );
  expect(new Set(threadsOf.values()).size).toBe(threads);
}

const concurrent = isInstalled(DEBIAN) ? ['one-thread-per-connection', 'pool-of-threads'] : [];
for (const handling of concurrent)
  describeLive(`${DEBIAN.name} with ${handling}`, () => {
    beforeAll(async () => {
      server = await MysqlServer.start(
        DEBIAN,
        ...[`--thread-handling=${handling}`, '--thread-pool-size=2', '--max-connections=300'],
      );
      collector = await CollectorProcess.start();
    }, 60_000);
    afterAll(async () => {
      await collector.end();
      await server.stop();
    });

    test('16 threads × 200 queries of 20 ms, 8 × 500 of 5 ms: none missing, none wrong, none twice', async () => {
      await sleepers(16, 200, 0.02);
      await sleepers(8, 500, 0.005);
    }, 60_000);

    test('commits that go on later, on another thread: each once, with its end', async () => {
      const root = await server.connect();
      await root.query('CREATE DATABASE pool');
      await root.query('CREATE TABLE pool.t (n INT, thread INT) ENGINE=InnoDB');
      const connections = await Promise.all(Array.from({ length: 8 }, () => server.connect()));
      await Promise.all(
        connections.map(async (connection, thread) => {
          for (let n = 0; n < 50; n++)
            await connection.query(`INSERT INTO pool.t VALUES (${n}, ${thread})`);
        }),
      );
      const inserts = await rows("query LIKE 'INSERT INTO pool.t%'", 400);
      expect(new Set(inserts.map((row) => row.query)).size).toBe(400);
      expect(inserts.length).toBe(400);
      expect(inserts.map((row) => [row.status, row.rows_affected])).toEqual(
        inserts.map(() => ['SUCCESS', 1]),
      );
    }, 60_000);
  });
