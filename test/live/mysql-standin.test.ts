/**
 * MySQL 5.7, 8.0, 8.4 and 9: no build of them is to be had here, so a program with their functions and structures
 * (mysql-standin.cc) stands in for them. It shows that we read what the published headers say, and no more.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import readline from 'node:readline';
import { FieldType } from '../../tables/mysql_queries/binary-values.ts';
import { CollectorProcess, type Row } from './collector-process.ts';
import { Com } from './mysql-wire.ts';
import { describeInstalled } from './requires.ts';

const SOURCE = path.join(__dirname, 'mysql-standin.cc');
const VERSIONS = { '5.7': 57, '8.0': 80, '8.4': 84, '9.0': 90 } as const;

let directory = '';
let collector: CollectorProcess;
let standin: Standin;

class Standin {
  readonly program: string;
  readonly child: ChildProcess;
  readonly #lines: readline.Interface;

  constructor(version: number, ...more: readonly string[]) {
    this.program = path.join(directory, `mysqld-${version}`);
    const flags = ['-O2', `-DVERSION=${version}`, '-rdynamic', '-pthread', '-o', this.program];
    flags.push(...more);
    const { status, stderr } = spawnSync('g++', [...flags, SOURCE], { encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
    this.child = spawn(this.program, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#lines = readline.createInterface({ input: this.child.stdout ?? process.stdin });
  }

  async tell(...words: readonly (string | number)[]): Promise<void> {
    const answer = once(this.#lines, 'line');
    this.child.stdin?.write(`${words.join(' ')}\n`);
    await answer;
  }

  text(thd: number, command: number, text: string): Promise<void> {
    return this.tell('text', thd, command, Buffer.from(text).toString('hex'));
  }

  /** Kill it while it is at a statement, which is not answered. */
  dieIn(thd: number, text: string): void {
    this.child.stdin?.write(`text ${thd} ${Com.QUERY} ${Buffer.from(text).toString('hex')}\n`);
    setTimeout(() => this.child.kill('SIGKILL'), 300);
  }

  started(): Promise<unknown> {
    return once(this.#lines, 'line');
  }
}

const rows = (where: string, count: number): Promise<Row[]> =>
  collector.rows(
    `SELECT * FROM mysql_queries WHERE pid = ${standin.child.pid} AND (${where}) ORDER BY eid`,
    count,
    10_000,
  );

for (const [version, number] of Object.entries(VERSIONS))
  describeInstalled('g++', `a stand-in for MySQL ${version}`, () => {
    beforeAll(async () => {
      directory = fs.mkdtempSync(path.join(os.tmpdir(), 'la-standin-'));
      const config = path.join(directory, 'config.json');
      fs.writeFileSync(config, '{"parameters": {"mysql_queries": {"on": true}}}');
      process.env.LIVE_AUDIT_CONFIG = config;
      standin = new Standin(number);
      await standin.started();
      collector = await CollectorProcess.start();
    }, 60_000);
    afterAll(async () => {
      delete process.env.LIVE_AUDIT_CONFIG;
      standin.child.kill('SIGKILL');
      await collector.end();
      fs.rmSync(directory, { recursive: true });
    });

    test('who, where, and what came of it', async () => {
      await standin.tell('thd', 1, 11, 'ann', 'client.example', 'app');
      await standin.text(1, Com.QUERY, 'ROWS 3');
      await standin.text(1, Com.QUERY, 'AFFECTED 5');
      await standin.text(1, Com.QUERY, 'ERROR 1064 42000 You have an error');
      await standin.text(1, Com.INIT_DB, 'other');
      await standin.text(1, Com.QUERY, 'USE a');
      await standin.text(1, Com.QUERY, 'ROWS 0');
      await standin.tell('id', 1, Com.PING, 0);
      await standin.tell('id', 1, Com.QUIT, 0);
      const found = await rows('connection_id = 11', 6);
      expect(
        found.map((row) => [
          ...[row.command, row.query, row.rows_sent, row.rows_affected],
          ...[row.error_code, row.sqlstate, row.error, row.database],
        ]),
      ).toEqual([
        ['COM_QUERY', 'ROWS 3', 3, null, 0, null, null, 'app'],
        ['COM_QUERY', 'AFFECTED 5', 0, 5, 0, null, null, 'app'],
        ...[['COM_QUERY', 'ERROR 1064 42000 You have an error', 0, null, 1064, '42000']].map(
          (row) => [...row, ...['You have an error', 'app']],
        ),
        ['COM_INIT_DB', 'other', null, 0, 0, null, null, 'app'],
        ['COM_QUERY', 'USE a', 0, 0, 0, null, null, 'other'],
        ['COM_QUERY', 'ROWS 0', 0, null, 0, null, null, 'a'],
      ]);
      for (const row of found)
        expect(row).toMatchObject({
          ...{ user: 'ann', host: 'client.example', flavor: 'mysql', tid: standin.child.pid },
          ...{ status: 'SUCCESS', return_code: 0, server_path: standin.program },
          server_version: `${version}.99-standin`,
        });
    });

    test('several statements in one packet, each a row', async () => {
      await standin.tell('thd', 2, 12, 'bob', 'localhost', '-');
      await standin.text(2, Com.QUERY, 'ROWS 1; AFFECTED 2; ERROR 1146 42S02 no table; ROWS 6');
      const found = await rows('connection_id = 12', 3);
      expect(
        found.map((row) => [row.query, row.rows_sent, row.rows_affected, row.error_code]),
      ).toEqual([
        ['ROWS 1', 1, null, 0],
        ['AFFECTED 2', 0, 2, 0],
        ['ERROR 1146 42S02 no table', 0, null, 1146],
      ]);
      expect(found.map((row) => row.database)).toEqual([null, null, null]);
    });

    test('prepared statements and their parameters', async () => {
      const { LONG, LONGLONG, STRING, BLOB, DATE, DOUBLE } = FieldType;
      const max = 'f'.repeat(16);
      await standin.tell('thd', 3, 13, 'eve', 'localhost', 'app');
      await standin.text(3, Com.STMT_PREPARE, 'SELECT ?, ?, ?, ?, ?');
      await standin.text(3, Com.STMT_PREPARE, 'SELECT ?, ?');
      await standin.text(3, Com.STMT_PREPARE, 'SELECT 1');
      const each = [`${LONG}:0:ffffffff`, `${LONGLONG}:1:${max}`, `${STRING}:0:61c3a9`];
      await standin.tell('execute', 3, 1, ...each, `${BLOB}:0:-`, `${DATE}:0:ea070b15`);
      await standin.tell('execute', 3, 2, `${DOUBLE}:0:-`, `${STRING}:0:-`);
      await standin.tell('execute', 3, 3);
      await standin.tell('execute', 3, 4, `${LONG}:0:01000000`);
      await standin.tell('id', 3, Com.STMT_CLOSE, 2);
      await standin.tell('execute', 3, 2, `${DOUBLE}:0:-`, `${STRING}:0:-`);
      const found = await rows('connection_id = 13', 9);
      expect(found.slice(3).map((row) => [row.command, row.query, row.parameters])).toEqual([
        ...[
          [
            ...['COM_STMT_EXECUTE', 'SELECT ?, ?, ?, ?, ?'],
            '[-1,18446744073709551615,"aé",null,"2026-11-21"]',
          ],
        ],
        ['COM_STMT_EXECUTE', 'SELECT ?, ?', '[null,null]'],
        ['COM_STMT_EXECUTE', 'SELECT 1', '[]'],
        ['COM_STMT_EXECUTE', null, null],
        ['COM_STMT_CLOSE', 'SELECT ?, ?', null],
        ['COM_STMT_EXECUTE', null, null],
      ]);
    });

    test('what is sent ahead', async () => {
      await standin.tell('thd', 4, 14, 'eve', 'localhost', 'app');
      await standin.text(4, Com.STMT_PREPARE, 'SELECT ?');
      for (const piece of ['one ', 'two'])
        await standin.tell('long', 4, 1, 0, Buffer.from(piece).toString('hex'));
      // The server takes no value for it; ours writes NULL, and a value that was sent ahead goes before.
      await standin.tell('execute', 4, 1, `${FieldType.BLOB}:0:-`);
      const found = await rows('connection_id = 14', 2);
      expect(found.at(-1)?.parameters).toBe('["one two"]');
    });

    test('addresses and lengths that lie, a THD that is freed: NULL, and no other’s', async () => {
      await standin.tell('thd', 5, 15, 'eve', 'localhost', 'app');
      await standin.text(5, Com.QUERY, "ROWS 1 'secret of another'");
      await standin.tell('lie', 5, Com.QUERY, '10', '7fffffff');
      await standin.tell('lie', 5, Com.FIELD_LIST, '0', 'ffffffff');
      await standin.tell('lie', 5, Com.STMT_PREPARE, 'ffffffff00000000', '5');
      await standin.text(5, Com.QUERY, 'FREE');
      const found = await rows('connection_id = 15', 5);
      expect(found.slice(1).map((row) => [row.command, row.query, row.rows_sent])).toEqual([
        ['COM_QUERY', null, 0],
        ['COM_FIELD_LIST', null, null],
        ['COM_STMT_PREPARE', null, null],
        ['COM_QUERY', 'FREE', null],
      ]);
    });

    test('statements on many threads, each its own text once', async () => {
      await standin.tell('load', 16, 100);
      const found = await rows("user = 'load'", 1600);
      expect(new Set(found.map((row) => row.query)).size).toBe(1600);
      expect(found.length).toBe(1600);
      for (const row of found)
        expect(String(row.query)).toContain(`load ${Number(row.connection_id) - 1000} `);
    }, 30_000);

    test('how dispatch_command returned: a bool, true where the connection ends', async () => {
      await standin.tell('thd', 6, 16, 'eve', 'localhost', 'app');
      await standin.text(6, Com.QUERY, 'AFFECTED 1');
      await standin.text(6, Com.QUERY, 'CLOSE 1053');
      await standin.text(6, Com.QUERY, 'ROWS 1');
      const found = await rows('connection_id = 16', 3);
      expect(found.map((row) => [row.status, row.return_code, row.error_code])).toEqual([
        ['SUCCESS', 0, 0],
        ['V57_FAILED', -2, 1053],
        ['SUCCESS', 0, 0],
      ]);
    });

    test('what is attached, and that nothing is missing', async () => {
      const probes = collector.query(
        `SELECT symbol, state, hits, last_error FROM live_audit_probes WHERE target = '${standin.program}'`,
      );
      expect(probes.length).toBeGreaterThanOrEqual(5);
      expect(probes.filter((row) => row.state !== 'attached' || row.last_error !== null)).toEqual(
        [],
      );
      expect(probes.filter((row) => Number(row.hits) === 0)).toEqual([]);
    });

    test('a server that ends in the midst of a command', async () => {
      await standin.tell('thd', 7, 17, 'eve', 'localhost', 'app');
      standin.dieIn(7, 'SLEEP 60000');
      const found = await rows("connection_id = 17 AND query = 'SLEEP 60000'", 1);
      expect(found).toMatchObject([
        { status: 'NOT_CAPTURED', return_code: -1, error_code: null, rows_affected: null },
      ]);
    });
  });

describeInstalled('g++', 'a build that does not say where things are', () => {
  afterEach(async () => {
    standin.child.kill('SIGKILL');
    await collector.end();
    fs.rmSync(directory, { recursive: true });
  });

  test('NULL, and live_audit_probes says why', async () => {
    directory = fs.mkdtempSync(path.join(os.tmpdir(), 'la-standin-'));
    standin = new Standin(VERSIONS['8.0'], '-DSPARSE');
    await standin.started();
    collector = await CollectorProcess.start();
    await standin.tell('thd', 1, 11, 'ann', 'client.example', 'app');
    await standin.tell('thd', 2, 12, 'bob', 'client.example', 'other');
    for (const thd of [1, 2]) await standin.text(thd, Com.QUERY, `AFFECTED ${thd}`);
    const found = await rows('true', 2);
    expect(found.map((row) => [row.query, row.rows_affected, row.error_code])).toEqual([
      ['AFFECTED 1', 1, 0],
      ['AFFECTED 2', 2, 0],
    ]);
    for (const row of found)
      expect(row).toMatchObject({ user: null, host: null, database: null, connection_id: null });
    const [probe] = collector.query(
      `SELECT last_error FROM live_audit_probes WHERE target = '${standin.program}'`,
    );
    for (const what of ['connection_id', 'user and host', 'database'])
      expect(probe?.last_error).toContain(`without ${what}`);
  }, 60_000);
});
