/**
 * One session, one story: the shipped queries over real servers and their own clients, typed into a real bash, and
 * asked of an osquery core that is not ours.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { Peer } from '../peer/peer.ts';
import { CollectorProcess, until } from './collector-process.ts';
import { DEBIAN, isInstalled, MysqlServer } from './mysql-server.ts';
import { attached } from './postgres-attached.ts';
import { installedPostgres, PostgresServer, stopServers } from './postgres-server.ts';
import { describeInstalled, EXECUTABLE } from './requires.ts';
import { closeShells, ShellSession } from './shell-session.ts';

const QUERIES = path.join(__dirname, '../../packaging/queries');
type Rows = Awaited<ReturnType<Peer['sql']>>['rows'];

const LAST_SHELL = 'pid IN (SELECT pid FROM shell_history_live ORDER BY eid DESC LIMIT 1)';
const postgres15 = installedPostgres().find(({ name }) => name === 'Debian 15');

/** A shipped query, with its condition changed as docs/session-story.md says. */
function shipped(name: string, pid: number): string {
  const sql = fs.readFileSync(path.join(QUERIES, name), 'utf8');
  expect(sql.split(LAST_SHELL)).toHaveLength(2);
  return sql.replace(LAST_SHELL, `pid = ${pid}`);
}

const clients = ['psql', 'mysql'].find((name) => !fs.existsSync(`/usr/bin/${name}`)) ?? 'psql';

describeInstalled(clients, 'one session, one story', () => {
  let collector: CollectorProcess;
  let postgres: PostgresServer;
  let mysql: MysqlServer;
  let peer: Peer;
  let extension: ChildProcess;

  beforeAll(async () => {
    if (!postgres15 || !isInstalled(DEBIAN)) throw new Error('clients without their servers');
    postgres = await PostgresServer.start(postgres15);
    mysql = await MysqlServer.start(DEBIAN);
    const root = await mysql.connect();
    await root.query("CREATE USER 'app'@'%'");
    await root.query('CREATE DATABASE shop');
    await root.query("GRANT ALL ON *.* TO 'app'@'%'");
    collector = await CollectorProcess.start();
    await attached(collector, postgres.installed);
    await until(
      () =>
        collector.query(
          `SELECT 1 FROM live_audit_probes WHERE target = '${DEBIAN.program}' AND state = 'attached'`,
        ).length > 0,
    );
    peer = await Peer.start();
    const flags = ['--socket', peer.socket, '--timeout', '10', '--interval', '1'];
    extension = spawn(EXECUTABLE, [...flags, '--state-dir', collector.stateDir], {
      stdio: 'ignore',
    });
    const registered = async () =>
      Object.values(await peer.extensions()).some((each) => each.name === 'live_audit');
    while (!(await registered())) await new Promise((resolve) => setTimeout(resolve, 100));
  }, 120_000);

  afterAll(async () => {
    extension.kill('SIGTERM');
    await peer.stop();
    await collector.end();
    await stopServers();
    await mysql.stop();
  });
  afterEach(closeShells);

  const bash = () =>
    ShellSession.open(undefined, {
      ...postgres.environment,
      MYSQL_HISTFILE: '/dev/null',
      PAGER: 'cat',
    });

  /** The rows, once they are all there. */
  const asked = async (sql: string, isWhole: (rows: Rows) => boolean): Promise<Rows> => {
    let rows: Rows = [];
    const deadline = performance.now() + 15_000;
    do ({ rows } = await peer.sql(sql));
    while (!isWhole(rows) && performance.now() < deadline);
    return rows;
  };

  /** What is typed, line by line, and what must be told: kind, who, text, result. */
  const typeStory = async (shell: ShellSession) => {
    const tcp: string = `-h 127.0.0.1 -P ${mysql.port} -u app`;
    const one = async (line: string): Promise<readonly string[]> => {
      const code = await shell.run(line);
      return ['shell', line, `exit ${code}`];
    };
    return [
      await one('true before'),
      await one(`psql -X -c 'CREATE TABLE told (a int)' -c 'TABLE told'`),
      ['postgres', 'CREATE TABLE told (a int)', ''],
      ['postgres', 'TABLE told', '0 rows'],
      await one(`psql -X -h 127.0.0.1 -c 'INSERT INTO told VALUES (1), (2)'`),
      ['postgres', 'INSERT INTO told VALUES (1), (2)', '2 rows'],
      await one(`psql -X -c 'SELECT nothing'`),
      ['postgres', 'SELECT nothing', 'error 42703'],
      await one(`mysql -S ${mysql.socket} -u root -e 'SHOW DATABASES LIKE "shop"; SELECT 1 + 1'`),
      ['mysql', 'SHOW DATABASES LIKE "shop"', '1 rows'],
      ['mysql', 'SELECT 1 + 1', '1 rows'],
      await one(
        `mysql ${tcp} shop -e 'CREATE TABLE told (a int); INSERT INTO told VALUES (1),(2)'`,
      ),
      ['mysql', 'CREATE TABLE told (a int)', '0 rows'],
      ['mysql', 'INSERT INTO told VALUES (1),(2)', '2 rows'],
      await one(`mysql ${tcp} shop -e 'SELECT nothing'`),
      ['mysql', 'SELECT nothing', 'error 42S22'],
      await one('(exit 3)'),
    ];
  };

  test('what was typed, and below it what the clients asked: unix socket and TCP', async () => {
    const shell = await bash();
    const expected = await typeStory(shell);
    const sql = shipped('session_story.sql', shell.pid);
    const rows = await asked(sql, ({ length }) => length >= expected.length);
    expect(rows.map(({ kind, text, result }) => [kind, text, result])).toEqual(expected);
    const who = new Set(rows.map(({ kind, who }) => `${kind} ${who}`));
    expect([...who].filter((name) => !name.startsWith('shell'))).toEqual([
      ...['postgres postgres@postgres', 'mysql root@', 'mysql app@shop'],
    ]);
    // The query command, an SQLite of its own, tells the same.
    expect(collector.query(sql).map(({ text }) => text)).toEqual(rows.map(({ text }) => text));
  }, 60_000);

  /** Type into a client until its prompt comes again. */
  const within = async (shell: ShellSession, line: string, prompt: RegExp) => {
    const from = shell.pty.output.length;
    await shell.pty.type(`${line}\r`);
    await shell.pty.expect(prompt, from);
  };

  const PSQL = 'psql -X -P pager=off -v PROMPT1="sql> "';
  const MYSQL = 'mysql -A --prompt="sql> "';
  const PROMPT = /sql> $/;
  const told = (row: { readonly [column: string]: string }) => row.query?.startsWith('SELECT 4');

  type Client = readonly [name: string, command: () => string, statement: string, matched: string];
  const CLIENTS: readonly Client[] = [
    ['psql, unix socket', () => PSQL, 'SELECT 42', 'name'],
    ['psql, TCP', () => `${PSQL} -h 127.0.0.1`, 'SELECT 43', 'port'],
    ['mysql, unix socket', () => `${MYSQL} -S ${mysql.socket} -u root`, 'SELECT 44', 'name'],
    ['mysql, TCP', () => `${MYSQL} -h 127.0.0.1 -P ${mysql.port} -u app`, 'SELECT 45', 'name'],
  ];

  test.each(CLIENTS)(
    'while a client is connected: %s',
    async (name, command, statement, matched) => {
      // When a process began is known to the second: a client of the same name just before would count, too.
      if (name === 'mysql, TCP') await new Promise((resolve) => setTimeout(resolve, 4000));
      const shell = await bash();
      await shell.run('true'); // the shell's first row; that of the client comes when it has ended
      await within(shell, command(), PROMPT);
      await within(shell, `${statement};`, PROMPT);
      const sql = shipped('session_clients.sql', shell.pid);
      const isIt = ({ query }: { readonly query?: string }) =>
        query?.startsWith(statement) === true;
      const rows: Rows = (await asked(sql, (found) => found.some(isIt))).filter(told);
      expect(rows.map(({ query, cmdline }) => [query?.replace(';', ''), cmdline])).toEqual([
        [statement, expect.stringMatching(name.startsWith('psql') ? /psql -X/ : /mysql -A/)],
      ]);
      expect(rows[0]).toMatchObject({ shell: `${shell.pid}`, matched, others: '0', sqlstate: '' });
      await within(shell, '\\q', /\[0\]> /);
      expect((await peer.sql(sql)).rows).toEqual([]);
    },
  );
});
