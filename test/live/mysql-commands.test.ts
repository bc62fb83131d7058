/** Every command of the protocol, by hand, on each real server: the rows of a connection are its lines in the log. */
import { CollectorProcess, type Row } from './collector-process.ts';
import { readGeneralLog } from './general-log.ts';
import { ALL, type Installed, isInstalled, MysqlServer } from './mysql-server.ts';
import { Com, executeHead, MysqlWire, statementHead } from './mysql-wire.ts';
import { describeLive } from './requires.ts';

let collector: CollectorProcess;
let server: MysqlServer;

async function idOf(wire: MysqlWire, name: string): Promise<number> {
  await wire.ask(Com.QUERY, `DO '${name}'`);
  const [row] = await rows(`query = 'DO ''${name}'''`, 1);
  return Number(row?.connection_id);
}

const rows = (where: string, count: number): Promise<Row[]> =>
  collector.rows(
    `SELECT * FROM mysql_queries WHERE pid = ${server.pid} AND (${where}) ORDER BY eid`,
    count,
    10_000,
  );

for (const installed of ALL.filter(isInstalled))
  describeLive(`${installed.name}: commands`, () => {
    beforeAll(async () => {
      server = await MysqlServer.start(installed);
      collector = await CollectorProcess.startWith({ mysql: { all_commands: true } });
    }, 60_000);
    afterAll(async () => {
      await collector.end();
      await server.stop();
    });
    eachTest(installed);
  });

const ASK_FOR_CURSOR = 4;
const CURSOR = 'SELECT a FROM t ORDER BY a';
const PROCEDURE = `CREATE PROCEDURE p() BEGIN
  SELECT a FROM t; SELECT b FROM t LIMIT 2; INSERT INTO log VALUES (1); SELECT 1; END`;
const TRIGGERED = 'INSERT INTO log VALUES (NEW.a)';
const TRIGGER = `CREATE TRIGGER tr AFTER INSERT ON t FOR EACH ROW ${TRIGGERED}`;
/** ER_UNKNOWN_COM_ERROR, ER_NO_SUCH_TABLE, ER_UNKNOWN_STMT_HANDLER, ER_STMT_HAS_NO_OPEN_CURSOR */
const [UNKNOWN_COMMAND, NO_TABLE, NO_STATEMENT, NO_CURSOR] = [1047, 1146, 1243, 1421];

/** Its line in the general log: none of what the server refused before it looked, and of commands it has no line for. */
function lineOf({ command, query, error_code: error }: Row): string | null {
  switch (command) {
    case 'COM_QUERY':
      return `Query ${query}`;
    case 'COM_INIT_DB':
      return `Init DB ${query}`;
    case 'COM_FIELD_LIST':
      return `Field List ${query}`;
    case 'COM_STMT_PREPARE':
      return `Prepare ${query}`;
    case 'COM_STMT_EXECUTE':
      return error === NO_STATEMENT ? null : `Execute ${query}`;
    case 'COM_STMT_RESET':
      return error === NO_STATEMENT ? null : 'Reset stmt';
    case 'COM_STMT_CLOSE':
      return query === null ? null : 'Close stmt';
    case 'COM_CHANGE_USER':
      return 'Change user';
    case 'COM_QUIT':
      return 'Quit';
    default:
      return null;
  }
}

/**
 * Lines of a connection, as far as a row tells of it: a table's wildcard and who the user is are not. What a
 * trigger did is a part of the statement.
 */
const linesOf = (connection: number): string[] =>
  readGeneralLog(server.generalLog)
    .filter((entry) => entry.connection === connection && entry.command !== 'Connect')
    .filter(({ text }) => text !== TRIGGERED)
    .map(({ command, text }) => {
      if (command === 'Field List') return `${command} ${text.split(' ')[0]}`;
      return command === 'Change user' ? command : `${command} ${text}`.trim();
    });

function eachTest({ name }: Installed): void {
  const is56 = name.startsWith('MySQL');

  test('what each is of, what came of it, and its line in the log', async () => {
    const wire = await MysqlWire.connect(server.socket);
    const id = await idOf(wire, 'one');
    const expected: unknown[][] = [['COM_QUERY', "DO 'one'", 0, 0, 0, null]];
    let database: string | null = null;
    /** One row: its error, rows sent and rows affected. */
    const row = (command: string, query: string | null, ...came: (number | null)[]) =>
      expected.push([command, query, ...came, database]);
    const query = async (text: string, ...came: (number | null)[]) => {
      await wire.ask(Com.QUERY, text);
      row('COM_QUERY', text, ...came);
    };

    await query('CREATE DATABASE app', 0, 0, 1);
    await wire.ask(Com.INIT_DB, 'app');
    row('COM_INIT_DB', 'app', 0, null, 0);
    database = 'app';
    await query('CREATE TABLE t (a INT, b VARCHAR(20)) ENGINE=MyISAM', 0, 0, 0);
    await query('CREATE TABLE log (a INT) ENGINE=MyISAM', 0, 0, 0);
    await query(TRIGGER, 0, 0, 0);
    await query("INSERT INTO t VALUES (1,'x'),(2,'y'),(3,'z')", 0, 0, 3);
    await query('SELECT * FROM log', 0, 3, null);
    for (const [table, wildcard, error, columns] of [
      ['t', '', 0, 2],
      ['t', 'b%', 0, 1],
      ['no_such', '', NO_TABLE, 0],
    ] as const) {
      wire.send(Com.FIELD_LIST, `${table}\0${wildcard}`);
      expect((await wire.untilEnd()).count).toBe(columns);
      row('COM_FIELD_LIST', table, error, null, null);
    }

    const cursor = await wire.prepare(CURSOR);
    row('COM_STMT_PREPARE', CURSOR, 0, null, null);
    const head = executeHead(cursor.id);
    head[ASK_FOR_CURSOR] = 1;
    await wire.ask(Com.STMT_EXECUTE, head);
    row('COM_STMT_EXECUTE', CURSOR, 0, 0, null);
    const fetch = async (error: number, rows: number) => {
      wire.send(Com.STMT_FETCH, statementHead(cursor.id), statementHead(2));
      expect((await wire.untilEnd()).count).toBe(rows);
      row('COM_STMT_FETCH', CURSOR, error, null, null);
    };
    await fetch(0, 2);
    await fetch(0, 1);
    await wire.ask(Com.STMT_RESET, statementHead(cursor.id));
    row('COM_STMT_RESET', CURSOR, 0, null, 0);
    await fetch(NO_CURSOR, 0);
    expect(await wire.ask(Com.STMT_EXECUTE, executeHead(cursor.id))).toEqual([3]);
    row('COM_STMT_EXECUTE', CURSOR, 0, 3, null);
    await wire.ask(Com.STMT_RESET, statementHead(999));
    row('COM_STMT_RESET', null, NO_STATEMENT, null, null);
    await wire.ask(Com.STMT_EXECUTE, executeHead(999));
    row('COM_STMT_EXECUTE', null, NO_STATEMENT, 0, null);
    wire.send(Com.STMT_CLOSE, statementHead(999));
    row('COM_STMT_CLOSE', null, 0, null, null);
    wire.send(Com.STMT_CLOSE, statementHead(cursor.id));
    row('COM_STMT_CLOSE', CURSOR, 0, null, null);
    await wire.ask(Com.STMT_EXECUTE, executeHead(cursor.id));
    row('COM_STMT_EXECUTE', null, NO_STATEMENT, 0, null);

    await query(PROCEDURE, 0, 0, 0);
    expect(await wire.ask(Com.QUERY, 'CALL p()')).toEqual([3, 2, 1, 0]);
    const changed = name === 'MariaDB of Debian' || name === 'MariaDB 11.4' ? 1 : 0; // as the client is told
    row('COM_QUERY', 'CALL p()', 0, 6, changed);
    const call = await wire.prepare('CALL p()');
    row('COM_STMT_PREPARE', 'CALL p()', 0, null, null);
    expect(await wire.ask(Com.STMT_EXECUTE, executeHead(call.id))).toEqual([3, 2, 1, 0]);
    row('COM_STMT_EXECUTE', 'CALL p()', 0, 6, changed);

    const forgotten = async (text: string, isKept: boolean, change: () => Promise<void>) => {
      const { id } = await wire.prepare(text);
      row('COM_STMT_PREPARE', text, 0, null, null);
      await change();
      await wire.ask(Com.STMT_EXECUTE, executeHead(id));
      if (isKept) row('COM_STMT_EXECUTE', text, 0, 1, null);
      else row('COM_STMT_EXECUTE', null, NO_STATEMENT, 0, null);
    };
    await forgotten('SELECT 8', is56, async () => {
      await wire.ask(Com.RESET_CONNECTION);
      if (is56) row('COM_31', null, UNKNOWN_COMMAND, null, null);
      else row('COM_RESET_CONNECTION', null, 0, null, 0);
    });
    await forgotten('SELECT 9', false, async () => {
      const nobody = Buffer.from([0]);
      await wire.ask(Com.CHANGE_USER, 'root\0', nobody, 'mysql\0', Buffer.from([33, 0]));
      database = 'mysql';
      row('COM_CHANGE_USER', null, 0, null, 0);
    });
    await query('SELECT DATABASE()', 0, 1, null);
    await wire.ask(Com.SET_OPTION, Buffer.from([9, 0]));
    row('COM_SET_OPTION', null, UNKNOWN_COMMAND, null, null);
    await wire.command(Com.QUIT);
    row('COM_QUIT', null, 0, null, null);

    const found = await rows(`connection_id = ${id}`, expected.length);
    expect(
      found.map((row) => [
        ...[row.command, row.query, row.error_code],
        ...[row.rows_sent, row.rows_affected, row.database],
      ]),
    ).toEqual(expected);
    // MySQL 5.6 has no line for an execution that opens a cursor.
    const opened = found.findIndex((row) => row.command === 'COM_STMT_EXECUTE');
    const logged = found.filter((_, i) => !(is56 && i === opened));
    const lines = logged.map(lineOf).filter((line) => line !== null);
    expect(linesOf(id)).toEqual(lines);
  }, 60_000);

  test('several statements, once they are allowed: COM_SET_OPTION', async () => {
    const wire = await MysqlWire.connect(server.socket);
    const id = await idOf(wire, 'several');
    await wire.ask(Com.SET_OPTION, Buffer.from([1, 0]));
    expect(await wire.ask(Com.QUERY, 'SELECT 1; SELECT 2')).toEqual([null]);
    await wire.ask(Com.SET_OPTION, Buffer.from([0, 0]));
    expect(await wire.ask(Com.QUERY, 'CALL app.p(); SELECT 5;')).toEqual([3, 2, 1, 0, 1]);
    const found = await rows(`connection_id = ${id}`, 6);
    expect(found.map((row) => [row.command, row.query, row.error_code, row.rows_sent])).toEqual([
      ['COM_QUERY', "DO 'several'", 0, 0],
      ['COM_SET_OPTION', null, 0, null],
      ['COM_QUERY', 'SELECT 1; SELECT 2', 1064, 0],
      ['COM_SET_OPTION', null, 0, null],
      ['COM_QUERY', 'CALL app.p()', 0, 6],
      ['COM_QUERY', 'SELECT 5', 0, 1],
    ]);
    wire.close();
  }, 30_000);

  test('COM_MULTI: the commands in it, where the server has it (MariaDB 10.2); else it refuses it', async () => {
    const wire = await MysqlWire.connect(server.socket);
    const id = await idOf(wire, 'multi');
    const part = (command: number, text: string) =>
      Buffer.concat([Buffer.from([1 + text.length, command]), Buffer.from(text)]);
    const parts = [
      part(Com.QUERY, 'SELECT 101'),
      part(Com.INIT_DB, 'mysql'),
      part(Com.QUERY, 'SELECT 102'),
    ];
    wire.send(Com.MULTI, ...parts);
    const isTaken = name === 'MariaDB 10.2';
    expect(await wire.results()).toEqual(isTaken ? [1, 1] : [null]);
    await wire.ask(Com.QUERY, 'SELECT 103');
    const found = await rows(`connection_id = ${id} AND error_code = 0`, isTaken ? 5 : 2);
    const taken = [
      ['COM_QUERY', 'SELECT 101', 1, null],
      ['COM_INIT_DB', 'mysql', null, null],
      ['COM_QUERY', 'SELECT 102', 1, 'mysql'],
    ];
    expect(
      found.map(({ command, query, rows_sent, database }) => [command, query, rows_sent, database]),
    ).toEqual([
      ['COM_QUERY', "DO 'multi'", 0, null],
      ...(isTaken ? taken : []),
      ['COM_QUERY', 'SELECT 103', 1, isTaken ? 'mysql' : null],
    ]);
    if (isTaken) expect(linesOf(id)).toEqual(found.map(lineOf));
    wire.close();
  }, 30_000);
}
