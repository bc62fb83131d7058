/** What prepared statements were executed with, on each real server: what it stored is what we show. */
import type { RowDataPacket } from 'mysql2/promise';
import { FieldType } from '../../tables/mysql_queries/binary-values.ts';
import { CollectorProcess, type Row } from './collector-process.ts';
import { readGeneralLog } from './general-log.ts';
import { ALL, type Installed, isInstalled, MysqlServer } from './mysql-server.ts';
import { Com, executeHead, longDataHead, MysqlWire, statementHead } from './mysql-wire.ts';
import { describeLive } from './requires.ts';

const T = FieldType;
let collector: CollectorProcess;
let server: MysqlServer;

const rows = (where: string, count: number): Promise<Row[]> =>
  collector.rows(
    `SELECT * FROM mysql_queries WHERE pid = ${server.pid} AND (${where}) ORDER BY eid`,
    count,
    10_000,
  );

const parametersOf = (found: readonly Row[]): unknown[] =>
  found.map(({ parameters }) => (parameters === null ? null : JSON.parse(String(parameters))));

const hex = (text: string): Buffer => Buffer.from(text.replace(/\s/g, ''), 'hex');
const text = (value: string): Buffer =>
  Buffer.concat([Buffer.from([Buffer.byteLength(value)]), Buffer.from(value)]);

/** Type of the column, type that is bound, value on the wire; what the server shows is the oracle. */
const EACH: readonly (readonly [string, number, Buffer, boolean?])[] = [
  ['TINYINT', T.TINY, hex('80')],
  ['SMALLINT UNSIGNED', T.SHORT, hex('ffff'), true],
  ['INT', T.LONG, hex('00000080')],
  ['BIGINT', T.LONGLONG, hex('0000000000000080')],
  ['BIGINT UNSIGNED', T.LONGLONG, hex('ffffffffffffffff'), true],
  ['DOUBLE', T.DOUBLE, hex('9a9999999999b9bf')],
  ['FLOAT', T.FLOAT, hex('0000403f')],
  ['DECIMAL(12,4)', T.NEWDECIMAL, text('-12345.6789')],
  ['DATE', T.DATE, hex('04 ea070b15')],
  ['DATETIME(6)', T.DATETIME, hex('0b ea070b15 0c2238 40e20100')],
  ['TIMESTAMP NULL', T.TIMESTAMP, hex('07 ea070b15 0c2238')],
  ['TIME(6)', T.TIME, hex('0c 01 02000000 01 02 03 01000000')],
  ['VARCHAR(50)', T.VAR_STRING, text('it\'s \\ "é"'.normalize())],
  ['CHAR(9)', T.STRING, text('plain')],
  ['BLOB', T.BLOB, text('blob')],
  ['ENUM("a","b")', T.STRING, text('b')],
];

const wireTypes = (each: typeof EACH): Buffer =>
  Buffer.from(each.flatMap(([, type, , unsigned]) => [type, unsigned ? 0x80 : 0]));

/** As the client's text protocol shows it. */
const asText = (value: unknown): string => String(value);

for (const installed of ALL.filter(isInstalled))
  describeLive(`${installed.name}: parameters`, () => {
    beforeAll(async () => {
      const on = { parameters: { mysql_queries: { on: true } }, mysql: { all_commands: true } };
      server = await MysqlServer.start(installed);
      collector = await CollectorProcess.startWith(on);
    }, 60_000);
    afterAll(async () => {
      await collector.end();
      await server.stop();
    });
    eachTest(installed);
  });

function eachTest({ name }: Installed): void {
  test('values of each type are those that the server stored; types sent once, NULL, long data', async () => {
    const root = await server.connect({ dateStrings: true, supportBigNumbers: true });
    await root.query('CREATE DATABASE p DEFAULT CHARACTER SET utf8');
    const columns = EACH.map(([type], i) => `c${i} ${type}`).join(', ');
    await root.query(`CREATE TABLE p.t (${columns}) ENGINE=MyISAM`);
    const wire = await MysqlWire.connect(server.socket);
    const places = EACH.map(() => '?').join(', ');
    const insert = await wire.prepare(`INSERT INTO p.t /* ? */ VALUES (${places})`);
    expect(insert.parameters).toBe(EACH.length);
    const bitmap = Buffer.alloc(2);
    const values = Buffer.concat(EACH.map(([, , value]) => value));
    const head = executeHead(insert.id);
    expect(
      MysqlWire.isError(
        await wire.command(Com.STMT_EXECUTE, head, bitmap, hex('01'), wireTypes(EACH), values),
      ),
    ).toBe(false);
    expect(
      MysqlWire.isError(await wire.command(Com.STMT_EXECUTE, head, bitmap, hex('00'), values)),
    ).toBe(false);
    const nulls = hex('ffff 01');
    await wire.command(Com.STMT_EXECUTE, head, nulls, wireTypes(EACH));
    const [stored] = await root.query<RowDataPacket[]>('SELECT * FROM p.t');
    const executed = await rows("command = 'COM_STMT_EXECUTE' AND query LIKE 'INSERT%'", 3);
    expect(executed.map((row) => [row.error_code, row.rows_affected])).toEqual(
      executed.map(() => [0, 1]),
    );
    const shown = parametersOf(executed) as unknown[][];
    expect(stored.length).toBe(3);
    expect(shown[0]).toEqual(shown[1]);
    expect(shown[2]).toEqual(EACH.map(() => null));
    const [first] = stored;
    const exact = String(executed[0]?.parameters);
    expect(exact).toContain('-9223372036854775808,18446744073709551615');
    for (const [i, [type]] of EACH.entries()) {
      if (type.startsWith('BIGINT')) continue; // JSON.parse has rounded them
      expect([type, asText(shown[0]?.[i])]).toEqual([type, asText(first?.[`c${i}`])]);
    }

    const large = await wire.prepare('SELECT LENGTH(?) + ?');
    for (const piece of ['ab', 'cde'])
      wire.send(Com.STMT_SEND_LONG_DATA, longDataHead(large.id, 0), piece);
    wire.send(
      Com.STMT_EXECUTE,
      executeHead(large.id),
      hex('00 01'),
      Buffer.from([T.BLOB, 0, T.LONG, 0]),
      hex('07000000'),
    );
    const [execution] = await rows(
      "query = 'SELECT LENGTH(?) + ?' AND command = 'COM_STMT_EXECUTE'",
      1,
    );
    expect(parametersOf(execution ? [execution] : [])).toEqual([['abcde', 7]]);
    wire.close();
  }, 60_000);

  test('mysql2 binds what it was given', async () => {
    const connection = await server.connect();
    const values = [1.5, 'text', null, Buffer.from('bytes'), true, new Date(0), { a: 1 }];
    await connection.execute(
      'SELECT ? AS a, ? AS b, ? AS c, ? AS d, ? AS e, ? AS f, ? AS g',
      values as never,
    );
    const [row] = await rows("query LIKE 'SELECT ? AS a, ?%' AND command = 'COM_STMT_EXECUTE'", 1);
    const [shown] = parametersOf(row ? [row] : []) as unknown[][];
    expect(shown?.slice(0, 5)).toEqual([1.5, 'text', null, 'bytes', expect.anything()]);
    expect(String(shown?.[5])).toMatch(/^19(70-01-01|69-12-31) \d\d:\d\d:\d\d/);
    expect(shown?.[6]).toBe('{"a":1}');
    const [computed] = collector.query(
      `SELECT statement, normalized, fingerprint FROM mysql_queries WHERE eid = ${row?.eid}`,
    );
    expect(computed?.statement).toMatch(/^SELECT 1.5 AS a, 'text' AS b, NULL AS c, 'bytes' AS d, /);
    expect(computed?.normalized).toBe(
      'select ? as a, ? as b, ? as c, ? as d, ? as e, ? as f, ? as g',
    );
    const same = `fingerprint = '${computed?.fingerprint}' AND pid = ${server.pid}`;
    const commands = collector.query(`SELECT command FROM mysql_queries WHERE ${same}`);
    expect(commands.map(({ command }) => command).slice(0, 2)).toEqual([
      'COM_STMT_PREPARE',
      'COM_STMT_EXECUTE',
    ]);
    const logged = readGeneralLog(server.generalLog).filter((e) => e.command === 'Execute');
    expect(logged.some(({ text }) => text.startsWith("SELECT 1.5 AS a, 'text' AS b"))).toBe(true);
  });

  if (name.startsWith('MariaDB'))
    test('a bulk execution: an array for each row', async () => {
      const root = await server.connect();
      await root.query('CREATE TABLE p.bulk (a INT, b VARCHAR(20)) ENGINE=MyISAM');
      const wire = await MysqlWire.connect(server.socket);
      const insert = await wire.prepare('INSERT INTO p.bulk VALUES (?, ?)');
      const answer = await wire.command(
        Com.STMT_BULK_EXECUTE,
        ...[statementHead(insert.id), hex('8000'), Buffer.from([T.LONG, 0, T.STRING, 0])],
        hex('00 01000000 00 0161'),
        hex('01 00 0162'),
      );
      expect(MysqlWire.isError(answer)).toBe(false);
      const [row] = await rows("command = 'COM_STMT_BULK_EXECUTE'", 1);
      expect(row?.rows_affected).toBe(2);
      expect(parametersOf(row ? [row] : [])).toEqual([
        [
          [1, 'a'],
          [null, 'b'],
        ],
      ]);
    });

  test('packets that lie: an error, or what the server made of it; never another’s values', async () => {
    const wire = await MysqlWire.connect(server.socket);
    const select = await wire.prepare('DO ? /* lies */');
    const one = [executeHead(select.id), hex('00 01'), Buffer.from([T.LONG, 0])] as const;
    await wire.command(Com.STMT_EXECUTE, ...one, hex('05000000'));
    await wire.command(Com.STMT_EXECUTE, executeHead(select.id));
    await wire.command(Com.STMT_EXECUTE, executeHead(999_999), hex('00 01 0300 06000000'));
    await wire.command(
      Com.STMT_EXECUTE,
      executeHead(select.id),
      hex('00 01'),
      Buffer.from([T.STRING, 0]),
      hex('fe ffffffffffffff7f'),
    );
    await wire.command(Com.STMT_EXECUTE, hex('0102'));
    await wire.command(Com.QUERY, "DO 'last lie'");
    const [last] = await rows("query = 'DO ''last lie'''", 1);
    const found = await rows(
      `connection_id = ${last?.connection_id} AND command = 'COM_STMT_EXECUTE'`,
      4,
    );
    expect(found.map((row) => [row.query, row.parameters])).toEqual(
      expect.arrayContaining([
        ['DO ? /* lies */', '[5]'],
        [null, null],
      ]),
    );
    expect(found.filter((row) => row.parameters !== '[5]' && row.parameters !== null)).toEqual([]);
    expect(found.filter((row) => row.parameters === '[5]').length).toBe(1);
    wire.close();
  });

  test('ping, quit and statistics are rows where the config wants them', async () => {
    const wire = await MysqlWire.connect(server.socket);
    await wire.command(Com.QUERY, "DO 'idle'");
    const [query] = await rows("query = 'DO ''idle'''", 1);
    await wire.command(Com.PING);
    await wire.command(Com.STATISTICS);
    await wire.command(Com.QUIT);
    const found = await rows(`connection_id = ${query?.connection_id}`, 4);
    expect(found.map((row) => [row.command, row.query, row.status, row.user])).toEqual([
      ['COM_QUERY', "DO 'idle'", 'SUCCESS', 'root'],
      ['COM_PING', null, 'SUCCESS', 'root'],
      ['COM_STATISTICS', null, 'SUCCESS', 'root'],
      ['COM_QUIT', null, 'CLOSE_CONNECTION', 'root'],
    ]);
  });

  test('commands that no driver sends', async () => {
    const wire = await MysqlWire.connect(server.socket);
    await wire.command(Com.QUERY, "DO 'rare'");
    const [query] = await rows("query = 'DO ''rare'''", 1);
    await wire.command(Com.INIT_DB, 'mysql');
    await wire.command(Com.INIT_DB, 'nowhere');
    const fetched = await wire.prepare('SELECT 7');
    await wire.command(Com.STMT_RESET, statementHead(fetched.id));
    wire.send(Com.STMT_CLOSE, statementHead(fetched.id));
    await wire.command(Com.SET_OPTION, hex('0000'));
    const found = await rows(`connection_id = ${query?.connection_id}`, 7);
    expect(
      found.slice(1).map((row) => [row.command, row.query, row.error_code, row.database]),
    ).toEqual([
      ['COM_INIT_DB', 'mysql', 0, null],
      ['COM_INIT_DB', 'nowhere', 1049, 'mysql'],
      ['COM_STMT_PREPARE', 'SELECT 7', 0, 'mysql'],
      ['COM_STMT_RESET', 'SELECT 7', 0, 'mysql'],
      ['COM_STMT_CLOSE', 'SELECT 7', 0, 'mysql'],
      ['COM_SET_OPTION', null, 0, 'mysql'],
    ]);
    wire.close();
  });

  // mysql2 sends 5.6 no password.
  if (name.startsWith('MariaDB'))
    test('a change of user: who it is from then on', async () => {
      const root = await server.connect();
      for (const host of ['%', 'localhost'])
        await root.query(`GRANT ALL ON *.* TO 'eve'@'${host}' IDENTIFIED BY 'sesame'`);
      const connection = await server.connect();
      await connection.query("DO 'before'");
      await connection.changeUser({ user: 'eve', password: 'sesame', database: 'mysql' });
      await connection.query("DO 'after'");
      await connection.changeUser({ user: 'eve', password: 'wrong' }).catch(() => {});
      const [before] = await rows("query = 'DO ''before'''", 1);
      const found = await rows(`connection_id = ${before?.connection_id}`, 4);
      expect(
        found.map((row) => [row.command, row.query, row.error_code, row.user, row.database]),
      ).toEqual([
        ['COM_QUERY', "DO 'before'", 0, 'root', null],
        ['COM_CHANGE_USER', null, 0, 'eve', 'mysql'],
        ['COM_QUERY', "DO 'after'", 0, 'eve', 'mysql'],
        ['COM_CHANGE_USER', null, 1045, 'eve', expect.anything()],
      ]);
      expect(JSON.stringify(found)).not.toContain('sesame');
    });
}
