/** What independent clients ask of a server: every protocol, and every way a statement ends. */
import { spawn, spawnSync } from 'node:child_process';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { client, type PostgresServer } from './postgres-server.ts';
import { PostgresWire } from './postgres-wire.ts';

const ROOT = path.resolve(__dirname, '../..');
const PYTHON = path.join(ROOT, 'build/python/bin/python');

export function pythonClient(server: PostgresServer, driver: 'psycopg' | 'pg8000' | 'types'): void {
  const { status, stderr } = spawnSync(
    PYTHON,
    [path.join(__dirname, 'postgres_clients.py'), driver],
    {
      env: server.environment,
      encoding: 'utf8',
      timeout: 60_000,
    },
  );
  if (status !== 0) throw new Error(`${driver}: ${stderr}`);
}

const NESTED = `
create or replace function caught() returns int language plpgsql as $$
begin
  begin perform 1/0; exception when division_by_zero then null; end;
  raise notice 'a notice';
  execute 'select 42';
  return 1;
end $$`;

export function psql(server: PostgresServer): void {
  const statements = [
    NESTED,
    'select caught(), caught()',
    'do $$ begin perform caught(); end $$',
    'select 1; select 2; select 3',
    'begin; create table if not exists multi(a int); insert into multi values (1), (2); commit',
    'insert into multi select g from generate_series(1, 100) g; select 1/0; select 5',
    'select 1; selec 2',
    ';',
    '',
    '-- only a comment',
    'prepare p1(int) as select $1 + 1',
    'execute p1(41)',
    'deallocate p1',
    'begin',
    'declare c cursor for select * from generate_series(1, 10)',
    'fetch 3 from c',
    'move 2 in c',
    'close c',
    'savepoint s',
    'select 1/0',
    'select 1',
    'rollback to s',
    'commit',
    'vacuum multi',
    'analyze multi',
    'explain select * from multi',
    "set application_name = 'renamed'",
    'select 7',
    "select 'Zeilen\numbruch \t\u0001 \u001b[31mrot\u001b[0m', '日本語'",
    'show server_version',
    'create temp table ctas as select * from multi',
    'select * into temp table into_ from multi',
    'copy multi to stdout',
    "notify nobody, 'payload'",
    'reset all',
    'nonsense',
    "select * from no_such_table where a = 'x'",
    'truncate multi',
    'drop table multi',
    'discard all',
    'checkpoint',
  ];
  server.psql(statements.flatMap((text) => ['-c', text]));
  server.psql(
    [],
    'create temp table ct(a int);\ncopy ct from stdin;\n1\n2\n\\.\nselect count(*) from ct;\n',
  );
  // libpq's large objects are function calls
  server.psql(
    [],
    "\\lo_import /etc/hostname 'a comment'\nselect 1;\n\\lo_unlink :LASTOID\n\\lo_unlink 999999\nselect 2;\n",
  );
  server.psql([], 'select 1 \\gdesc\nselect $1::int \\bind 5 \\g\nselect 2 as x \\gset\n');
}

/** Parallel workers have the leader's text, and are no clients. */
export function parallel(server: PostgresServer): void {
  const force = server.installed.major < 16 ? 'force_parallel_mode' : 'debug_parallel_query';
  server.psql(
    [
      'create table if not exists big as select g as a from generate_series(1, 20000) g',
      'set min_parallel_table_scan_size = 0',
      'set parallel_setup_cost = 0',
      `set ${force} = on`,
      'select count(*), sum(a) from big',
      'select a / (a - 500) from big where a < 600',
      'drop table big',
    ].flatMap((text) => ['-c', text]),
  );
}

export function long(server: PostgresServer): void {
  for (const length of [4094, 4095, 4096, 4097, 65_535, 70_000, 300_000, 1_000_000]) {
    const fill = 'x'.repeat(length - "select ''".length);
    server.psql([], `select '${fill}' as x \\g /dev/null\n`);
  }
}

export function pgbench(server: PostgresServer): void {
  const run = (...args: string[]) => server.run(client('pgbench'), ['-n', '-c', '2', ...args]);
  run('-i', '-s', '1', '-q');
  for (const mode of ['simple', 'extended', 'prepared']) run('-M', mode, '-t', '5');
}

export async function nodePostgres(server: PostgresServer): Promise<void> {
  const fails = (action: Promise<unknown>) =>
    action.then(
      () => {
        throw new Error('did not fail');
      },
      () => {},
    );
  const connection = new pg.Client({
    host: '127.0.0.1',
    port: server.port,
    user: 'postgres',
    database: 'postgres',
    application_name: 'node test',
  });
  await connection.connect();
  await connection.query('select 1 as a; select 2 as b');
  await connection.query('create temp table n (id int, v text)');
  await connection.query('insert into n values ($1, $2), ($3, $4)', [1, 'one', 2, null]);
  for (let i = 0; i < 3; i++)
    await connection.query({ name: 'by id', text: 'select * from n where id = $1', values: [i] });
  const limited = { text: 'select * from generate_series(1, $1::int)', values: [7], rows: 3 };
  await connection.query(limited as pg.QueryConfig);
  await fails(connection.query('select $1::int / 0', [1]));
  await fails(connection.query('select from where'));
  await fails(connection.query('select * from n where id = $1', ['x']));
  await connection.query('');
  await connection.query('begin');
  await connection.query('select id from n for update');
  await connection.query('rollback');
  await connection.end();
}

/** What no driver does, but the protocol allows. */
export async function oddities(server: PostgresServer): Promise<void> {
  const wire = await PostgresWire.connect(server.port, { user: 'postgres', database: 'postgres' });
  // portals with row limits, gone on with, closed before their end, two at a time
  wire.parse('odd', 'select * from generate_series(1, 10)');
  wire.bind('p1', 'odd').execute('p1', 3).execute('p1', 3).execute('p1', 0);
  wire.bind('p2', 'odd').execute('p2', 4).close('P', 'p2').sync();
  await wire.ready();
  // a pipeline without a Sync between, one of them failing: the rest is skipped
  for (const text of ['select 1', 'select 2', 'select 1/0', 'select 3'])
    wire.parse('', text).bind('', '').execute('', 0);
  wire.sync();
  await wire.ready();
  // an Execute that is followed by a Query within its implicit transaction
  wire.parse('', 'select 11').bind('', '').execute('', 0).query('select 12');
  await wire.ready();
  wire.parse('', 'select 13').bind('', '').execute('', 0).query('select 14; select 15');
  await wire.ready();
  wire.parse('', '').bind('', '').execute('', 0).sync();
  await wire.ready();
  wire.functionCall(1598, []); // random()
  await wire.ready();
  wire.functionCall(999_999, []); // there is none
  await wire.ready();
  wire.parse('begin', 'begin').bind('', 'begin').execute('', 0).sync();
  await wire.ready();
  wire.parse('commit', 'commit').bind('', 'commit').execute('', 0).sync();
  await wire.ready();
  wire.end();
}

/** Replication connections: their commands are none of ours, SQL on them is. */
export function replication(server: PostgresServer): void {
  const args = ['-d', 'dbname=postgres replication=database'];
  server.psql([
    ...args,
    '-c',
    'IDENTIFY_SYSTEM',
    '-c',
    'select 21',
    '-c',
    'DROP_REPLICATION_SLOT none',
  ]);
  server.psql(['-d', 'user=nobody', '-c', 'select 1']); // no such role
  server.psql(['-d', 'dbname=nothing', '-c', 'select 1']);
}

/** A backend that is killed, and those that the postmaster ends because of it. */
export async function killed(server: PostgresServer): Promise<number> {
  const sleeping = (text: string) =>
    spawn(client('psql'), ['-X', '-c', text], { env: server.environment, stdio: 'ignore' });
  const clients = [sleeping('select pg_sleep(51)'), sleeping('select pg_sleep(52)')];
  const find = "select pid from pg_stat_activity where query = 'select pg_sleep(51)'";
  let pid = 0;
  for (let tries = 0; pid === 0 && tries < 100; tries++) {
    await sleep(50);
    pid = Number(server.psql(['-c', find]));
  }
  await sleep(100);
  process.kill(pid, 'SIGKILL');
  await Promise.all(clients.map((child) => new Promise((resolve) => child.once('exit', resolve))));
  return pid;
}
