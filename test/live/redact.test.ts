/**
 * The corpus of secrets through a real bash and real servers: afterwards no secret is in any file of the state
 * directory, in any answer, or in the log. One that no other test types stands for those of the corpus.
 */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Dialect } from '../../tables/redact/redactor.ts';
import { CollectorProcess, type Row, run, until } from './collector-process.ts';
import { DEBIAN, isInstalled, MysqlServer } from './mysql-server.ts';
import { attached } from './postgres-attached.ts';
import { installedPostgres, PostgresServer, stopServers } from './postgres-server.ts';
import { PostgresWire } from './postgres-wire.ts';
import { describeLive } from './requires.ts';
import { closeShells, ShellSession } from './shell-session.ts';

interface Secret {
  readonly dialect: Dialect;
  readonly text: string;
  readonly gone: readonly string[];
}

const CORPUS = JSON.parse(
  fs.readFileSync(path.join(__dirname, '../fixtures/redact/secrets.json'), 'utf8'),
) as readonly Secret[];
/** In the corpus nearly everywhere. */
const IN_CORPUS = 'hunter2x';
const SECRET = `q${randomBytes(6).toString('hex')}z`;
const LAST = 'the corpus ends here';
/** A line is over when bash asks for the next one, or for more of it. */
const ASKS = /\[(?:\d+|more)\]> /;
/** bash's own switches, and a directory that relative files would go to. */
const CHANGES_SHELL = /^(?:set|cd) /;
/** Would look for a host. */
const CONNECTS = /SUBSCRIPTION|PROGRAM/;

const corpus = (dialect: Dialect): string[] =>
  CORPUS.filter((secret) => secret.dialect === dialect).map(({ text }) =>
    text.replaceAll(IN_CORPUS, SECRET),
  );

/** Everything of the corpus that must not be there. */
const found = (rows: readonly Row[], dialect: Dialect): string[] => {
  const all = rows.map((row) => Object.values(row).join('\n')).join('\n');
  const secrets = CORPUS.filter((secret) => secret.dialect === dialect).flatMap(({ gone }) => gone);
  const long = secrets.filter((secret) => secret.length >= 16); // shorter ones are parts of words
  return [SECRET, ...long].filter((secret) => all.includes(secret));
};

describeLive('secrets', () => {
  let collector: CollectorProcess;
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'la-redact-'));

  beforeAll(async () => {
    collector = await CollectorProcess.start();
  }, 60_000);
  afterAll(async () => {
    closeShells();
    await stopServers();
    await collector.end();
    fs.rmSync(directory, { recursive: true, force: true });
  }, 60_000);

  const rowsUntilLast = async (table: string, where: string, text: string): Promise<Row[]> => {
    const last = `SELECT 1 FROM ${table} WHERE ${where} AND ${text} LIKE '%${LAST}%'`;
    await until(() => collector.query(last).length > 0);
    return collector.query(`SELECT * FROM ${table} WHERE ${where}`);
  };

  const leaks = (secret: string): string[] => {
    const { stateDir } = collector;
    const files = fs.readdirSync(stateDir).filter((name) => {
      const file = path.join(stateDir, name);
      return fs.statSync(file).isFile() && fs.readFileSync(file).includes(secret);
    });
    return collector.stderr.includes(secret) ? [...files, 'log'] : files;
  };

  test('typed into bash: none in the rows', async () => {
    // No program is found, so that nothing is done but typing.
    const shell = await ShellSession.open(undefined, { HOME: directory });
    await shell.run(`cd ${directory}; PATH=/nonexistent`);
    const texts = corpus('shell').filter((text) => !CHANGES_SHELL.test(text));
    for (const line of [...texts, `: ${LAST}`].flatMap((text) => text.split('\n'))) {
      const from = shell.pty.output.length;
      await shell.pty.type(`${line}\r`);
      await shell.pty.expect(ASKS, from);
    }
    const rows = await rowsUntilLast('shell_history_live', `pid = ${shell.pid}`, 'command');
    expect(found(rows, 'shell')).toEqual([]);
    const marked = rows.filter(({ command }) => String(command).includes('[redacted]'));
    expect(marked.length).toBeGreaterThanOrEqual(200);
    expect(leaks(SECRET)).toEqual([]);
  }, 120_000);

  test('of a command that goes on: none in the checkpoint, nor over kill -9', async () => {
    const shell = await ShellSession.open();
    const from = shell.pty.output.length;
    await shell.pty.type(`read -r x; : mysql -p${SECRET} first\r`);
    const checkpoints = () =>
      fs
        .readdirSync(collector.stateDir)
        .filter((name) => name.startsWith('shell_history_live.open'));
    const open = () =>
      checkpoints().map((name) => fs.readFileSync(path.join(collector.stateDir, name), 'latin1'));
    await until(() => open().some((text) => text.includes('read -r x; : mysql -p')));
    expect(leaks(SECRET)).toEqual([]);
    await collector.stop('SIGKILL');
    collector = await collector.restarted();
    await shell.pty.type('\r');
    await shell.pty.expect(ASKS, from + 1);
    const [row] = await collector.rows(
      `SELECT command, truncated FROM shell_history_live WHERE pid = ${shell.pid}`,
      1,
    );
    expect(row).toEqual({ command: 'read -r x; : mysql -p[redacted] first', truncated: 0 });
  }, 120_000);

  const [postgres] = installedPostgres();
  (postgres ? test : test.skip)(
    'asked of PostgreSQL: none in the rows',
    async () => {
      const server = await PostgresServer.start(postgres as NonNullable<typeof postgres>);
      await attached(collector, server.installed);
      const wire = await PostgresWire.connect(server.port, { user: 'postgres' });
      for (const text of corpus('postgres')) {
        await wire.query(CONNECTS.test(text) ? `${text} )` : text).ready();
        await wire.query(`SELEC ${text}`).ready(); // an error that quotes it
      }
      await wire.query(`SELECT '${LAST}'`).ready();
      const rows = await rowsUntilLast('postgres_queries', `pid = ${wire.pid}`, 'query');
      expect(found(rows, 'postgres')).toEqual([]);
      const marked = rows.filter(({ query }) => String(query).includes('[redacted]'));
      expect(marked.length).toBeGreaterThanOrEqual(50);
      expect(leaks(SECRET)).toEqual([]);
    },
    120_000,
  );

  (isInstalled(DEBIAN) ? test : test.skip)(
    'asked of MariaDB: none in the rows',
    async () => {
      const server = await MysqlServer.start(DEBIAN);
      try {
        await until(
          () =>
            collector.query(
              `SELECT 1 FROM live_audit_probes WHERE target LIKE '%mariadbd' AND state = 'attached'`,
            ).length > 0,
        );
        const connection = await server.connect();
        for (const sql of [
          ...corpus('mysql').flatMap((text) => [text, `SELEC ${text}`]),
          `SELECT '${LAST}'`,
        ])
          await connection.query(sql).catch(() => {});
        const rows = await rowsUntilLast('mysql_queries', `pid = ${server.pid}`, 'query');
        expect(found(rows, 'mysql')).toEqual([]);
        const marked = rows.filter(({ query }) => String(query).includes('[redacted]'));
        expect(marked.length).toBeGreaterThanOrEqual(50);
        expect(leaks(SECRET)).toEqual([]);
      } finally {
        await server.stop();
      }
    },
    120_000,
  );

  test('none in any answer, file or log, and none in a core file', () => {
    for (const table of ['shell_history_live', 'postgres_queries', 'mysql_queries']) {
      const { stdout } = run([
        'query',
        '--json',
        '--state-dir',
        collector.stateDir,
        `SELECT * FROM ${table}`,
      ]);
      expect(stdout.includes(SECRET)).toBe(false);
    }
    expect(leaks(SECRET)).toEqual([]);
    const [rings] = collector.query('SELECT sum(lost_redaction) AS n FROM live_audit_rings');
    expect(rings).toEqual({ n: 0 });
    const filter = fs.readFileSync(`/proc/${collector.child.pid}/coredump_filter`, 'utf8');
    expect(Number.parseInt(filter, 16)).toBe(0);
  });
});
