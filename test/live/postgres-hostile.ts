/** What a reviewer would try: every way in which a statement does not simply run to its end. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { PostgresServer } from './postgres-server.ts';
import { PostgresWire } from './postgres-wire.ts';

const USER = { user: 'postgres', database: 'postgres' };
/** The 11 bytes that COPY's binary format begins with, flags and no extension; then a row of one int4. */
const COPY_BINARY = Buffer.from('5047434f50590aff0d0a00' + '00000000' + '00000000', 'hex');
const ONE_INT4 = Buffer.from('0001' + '00000004' + '00000007', 'hex');
const COPY_END = Buffer.from('ffff', 'hex');

/** On a connection of its own. */
async function on(
  server: PostgresServer,
  act: (wire: PostgresWire) => Promise<void>,
  settings: Readonly<Record<string, string>> = USER,
): Promise<void> {
  const wire = await PostgresWire.connect(server.port, settings);
  await act(wire);
  wire.end();
}

async function ask(wire: PostgresWire, ...texts: readonly string[]): Promise<void> {
  for (const text of texts) {
    wire.query(text);
    await wire.ready();
  }
}

/** COPY that is refused, broken off, or left. */
export async function copies(server: PostgresServer): Promise<void> {
  await on(server, async (wire) => {
    await ask(wire, 'create table copied (a int)');
    const copy = async (text: string, ...data: readonly (string | Buffer)[]) => {
      wire.query(text);
      for (const bytes of data) wire.copyData(bytes);
      wire.copyDone();
      await wire.ready();
    };
    await copy('copy copied from stdin', '1\n2\n', '3\n');
    await copy('copy copied from stdin', '4\n', 'no number\n', '5\n');
    await copy('copy copied from stdin binary', COPY_BINARY, ONE_INT4, COPY_END);
    await copy('copy copied from stdin binary', 'this is no binary format at all');
    await copy('copy copied from stdin binary', COPY_BINARY, ONE_INT4.subarray(0, 8));
    wire.query('copy copied from stdin').copyData('6\n').copyFail('the client has had enough');
    await wire.ready();
    wire.query('copy copied from stdin; select count(*) from copied');
    wire.copyData('8\n').copyDone();
    await wire.ready();
    await ask(wire, 'copy copied to stdout', 'copy copied to stdout binary');
    await ask(wire, 'copy (select 1 / (a - 2) from copied order by a) to stdout');
    await ask(wire, 'copy copied to stdout; select 31');
    wire.parse('', 'copy copied from stdin').bind('', '').execute('', 0);
    wire.copyData('9\n').copyDone().sync();
    await wire.ready();
    wire.parse('', 'copy copied from stdin').bind('', '').execute('', 0);
    wire.copyData('nine\n').copyDone().sync();
    await wire.ready();
    await ask(wire, 'select sum(a) from copied');
  });
  const left = await PostgresWire.connect(server.port, USER);
  left.query('copy copied from stdin').copyData('1\n');
  await sleep(100);
  left.drop();
  await on(server, (wire) => ask(wire, 'drop table copied'));
}

/** Messages of the extended protocol that fail before there is anything to execute, and what is skipped then. */
export async function messages(server: PostgresServer): Promise<void> {
  await on(server, async (wire) => {
    const run = (name: string, text: string) =>
      wire.parse('', text).bind(name, '').execute(name, 0);
    for (const fails of [
      () => wire.parse('', 'selec 1'),
      () => wire.parse('', "select 'unterminated"),
      () => wire.parse('', 'select 1; select 2'),
      () => wire.parse('', 'select $1::int').bind('', '', ['not a number']),
      () => wire.parse('', 'select $1::int').bind('', '', []),
      () => wire.parse('', 'select $1::int').bind('', '', [Buffer.from('00', 'hex')]),
      () => wire.bind('', 'no such statement'),
      () => wire.describe('S', 'no such statement'),
      () => wire.describe('P', 'no such portal'),
      () => wire.execute('no such portal', 0),
      () => wire.parse('twice', 'select 1').parse('twice', 'select 2'),
      () => wire.parse('', 'select 1').bind('twice', '').bind('twice', ''),
    ]) {
      run('', 'select 41');
      fails();
      run('', "select 'skipped'");
      wire.sync();
      await wire.ready();
    }
    run('', 'select 42').sync();
    run('', 'select 1/0').sync();
    run('', 'select 43').sync();
    for (let n = 0; n < 3; n++) await wire.ready();
    // a constraint that fails when the transaction ends: of a Query within it, of an Execute at the Sync behind it
    await ask(wire, 'create table late (a int unique deferrable initially deferred)');
    await ask(wire, 'insert into late values (1), (1)', 'insert into late values (2)');
    run('', 'insert into late values (2)').sync();
    await wire.ready();
    await ask(wire, 'select count(*) from late', 'drop table late');
    // a portal that is gone on with after another one failed, and one that holds beyond its transaction
    await ask(wire, 'begin', 'declare held cursor with hold for select generate_series(1, 5)');
    await ask(wire, 'fetch 2 from held', 'commit', 'fetch 2 from held', 'close held');
    wire.parse('', 'select generate_series(1, 9)').bind('p', '').execute('p', 2).execute('p', 2);
    wire.bind('p', '').execute('p', 2).sync();
    await wire.ready();
    // DDL and a change of type under a prepared statement: its plan is made anew, or is refused
    await ask(wire, 'create table planned (a int)', 'insert into planned values (1)');
    await ask(wire, 'prepare plan as select * from planned', 'execute plan');
    wire.parse('remade', 'select a from planned').bind('', 'remade').execute('', 0).sync();
    await wire.ready();
    await ask(wire, 'create index on planned (a)', 'analyze planned', 'execute plan');
    wire.bind('', 'remade').execute('', 0).sync();
    await wire.ready();
    await ask(wire, 'alter table planned alter a type text', 'execute plan');
    wire.bind('', 'remade').execute('', 0).sync();
    await wire.ready();
    await ask(wire, 'drop table planned', 'execute plan', 'deallocate plan', 'execute plan');
    wire.bind('', 'remade').execute('', 0).sync();
    await wire.ready();
    await ask(wire, 'deallocate all', 'discard all');
    wire.bind('', 'remade').execute('', 0).sync();
    await wire.ready();
    // what fails has the text of a portal that is open
    for (const comment of ['', ` -- ${'x'.repeat(600)}`]) {
      const declare = `declare again cursor for select 1${comment}`;
      await ask(wire, 'begin', declare, declare, 'rollback');
      run('', 'begin');
      run('', declare);
      run('', declare).sync();
      await wire.ready();
      await ask(wire, 'rollback');
    }
    // function calls in an aborted transaction
    await ask(wire, 'begin', 'select 1/0');
    wire.functionCall(1598, []);
    await wire.ready();
    await ask(wire, 'rollback');
    wire.functionCall(1598, [Buffer.from('0000', 'hex')]); // random() takes none
    await wire.ready();
  });
}

/** A server keeps texts of these lengths in different places. */
export const LENGTHS = [100, 500, 1000, 2000, 4090, 5000, 9000, 70_000] as const;

/** Executes while other portals are open, of commands that end them, and of texts of all lengths. */
export async function portals(server: PostgresServer): Promise<void> {
  await on(server, async (wire) => {
    const run = (statement: string, portal = '', rows = 0) =>
      wire.bind(portal, statement).execute(portal, rows);
    const named = async (texts: Readonly<Record<string, string>>) => {
      for (const [name, text] of Object.entries(texts)) wire.parse(name, text);
      wire.sync();
      await wire.ready();
    };
    await named({ ten: 'select generate_series(1, 10)', one: 'select 1', two: 'select 2' });
    await named({ begin: 'begin', commit: 'commit', rollback: 'rollback', save: 'savepoint s' });
    await named({ back: 'rollback to s', fetch: 'fetch 2 from held', fails: 'select 1/0' });
    // portals of several statements, in turns
    run('begin');
    run('ten', 'p', 2);
    run('one');
    wire.execute('p', 2);
    run('two', 'q');
    wire.execute('p', 2);
    run('save');
    run('one');
    run('back');
    run('two');
    run('commit').sync();
    await wire.ready();
    // one that outlives its transaction
    await ask(wire, 'begin', 'declare held cursor with hold for select generate_series(1, 9)');
    run('one');
    run('commit');
    run('fetch');
    run('two').sync();
    await wire.ready();
    run('begin');
    run('fetch');
    run('rollback').sync();
    await wire.ready();
    wire.parse('', 'fetch 1 from held').bind('', '').execute('', 0);
    run('one').sync();
    await wire.ready();
    // many at once
    run('begin');
    for (let n = 0; n < 30; n++) run(n % 2 ? 'one' : 'two', `portal ${n}`);
    run('ten');
    run('commit').sync();
    await wire.ready();
    // commands that end their transaction themselves, and SQL's own EXECUTE
    await ask(wire, 'create table kept (a int)', 'prepare plan as select 3');
    await named({
      clean: 'vacuum kept',
      plan: 'execute plan',
      block: 'do $$ begin commit; end $$',
    });
    const commits = server.installed.major < 11 ? [] : ['block'];
    for (const name of ['clean', 'plan', ...commits]) {
      run(name).sync();
      await wire.ready();
    }
    // a failure in the middle, and what is refused behind it
    run('begin');
    run('two', 'open');
    run('fails').sync();
    await wire.ready();
    run('one').sync();
    await wire.ready();
    run('rollback');
    run('one').sync();
    await wire.ready();
    await ask(wire, 'close held', 'drop table kept');
    for (const length of LENGTHS) {
      await named({ [`of ${length}`]: `select ${length} -- ${'x'.repeat(length)}` });
      await named({
        [`fails of ${length}`]: `select 1 / (random() * 0)::int -- ${'x'.repeat(length)}`,
      });
      run(`of ${length}`);
      run('ten', 'p', 2);
      run(`of ${length}`).sync();
      await wire.ready();
      run(`fails of ${length}`).sync();
      await wire.ready();
    }
  });
}

/** Two statements of the same text, with a portal of each. */
export async function sameText(server: PostgresServer): Promise<number> {
  const wire = await PostgresWire.connect(server.port, USER);
  const text = 'select generate_series(1, 9) as same';
  wire.parse('one', text).parse('other', text).sync();
  await wire.ready();
  wire.bind('p', 'one').execute('p', 2).bind('', 'other').execute('', 0).sync();
  await wire.ready();
  wire.bind('', 'other').execute('', 0).sync();
  await wire.ready();
  wire.end();
  return wire.pid;
}

/** Texts of several statements, or of none. */
export async function texts(server: PostgresServer): Promise<void> {
  await on(server, (wire) =>
    ask(
      wire,
      ...[
        '',
        ' ',
        ';;;',
        '/* only a comment */',
        '-- a line',
        'select 1; ; select 2;',
        '; select 3',
      ],
      ...['select 4; -- the rest', 'select 5; selec', 'select 6; select 1/0; select 7'],
      ...['vacuum; select 8', 'begin; select 9; commit; select 10', 'begin; select 1/0; commit'],
      ...[
        'select 11',
        'rollback',
        'create table s (a int); insert into s values (1); drop table s',
      ],
      ...['select 12; begin', 'select 13; rollback; select 14', 'savepoint nowhere'],
    ),
  );
  if (server.installed.major < 11) return; // procedures
  await on(server, (wire) =>
    ask(
      wire,
      'create table committed (a int)',
      `create procedure commits() language plpgsql as $$
       begin insert into committed values (1); commit; insert into committed values (2); rollback;
       raise exception 'after all' using errcode = 'P0042'; end $$`,
      'call commits()',
      'select count(*) from committed',
      'call commits(); select 15',
      'drop procedure commits; drop table committed',
    ),
  );
}

/** Sessions that change who they are, and those with names that need quotes. */
export async function names(server: PostgresServer): Promise<void> {
  const odd = `we"ird 'ünï  ${'x'.repeat(40)}`;
  const quoted = `"${odd.replaceAll('"', '""')}"`;
  await on(server, async (wire) => {
    await ask(wire, `create role ${quoted} superuser login`, `create database ${quoted}`);
    await ask(wire, `set session authorization ${quoted}`, 'select session_user, current_user');
    await ask(wire, 'reset session authorization', `set role ${quoted}`, 'select current_user');
    await ask(wire, 'reset role', `set application_name = '${'a'.repeat(200)}'`, 'select 21');
    await ask(wire, "set application_name = ''", 'select 22', "set application_name = 'ünï'");
    await ask(wire, 'select 23', 'begin', "set local application_name = 'local'", 'select 24');
    await ask(wire, 'rollback -- application_name', 'select 25');
    await ask(wire, 'begin', "set application_name = 'undone'");
    await ask(wire, 'select 26', 'select 1/0', 'select 27', 'rollback', 'select 28');
    await ask(wire, "set application_name = 'four'; select 29", 'select 30');
    // twice within a statement: its text may come to lie where an earlier one was
    await ask(wire, 'begin', "set application_name = 'first'", 'select 31');
    const set = (name: string) => `perform set_config('application_name', '${name}', false);`;
    for (let n = 0; n < 4; n++) {
      const pair = set(`other${n}`) + set(`again${n}`);
      await ask(wire, `do $$ begin ${pair} end $$ -- application_name`, `select 32 + ${n}`);
    }
    await ask(wire, 'commit', 'select 40');
  });
  await on(server, (wire) => ask(wire, 'select 41'), {
    ...{ user: odd, database: odd, application_name: 'psql\' "; drop\tx' },
  });
  await on(server, async (wire) => {
    await ask(wire, `drop database ${quoted}`, `drop role ${quoted}`);
  });
}

/** Statements and sessions that another one ends, or that end themselves. */
export async function ends(server: PostgresServer): Promise<void> {
  const { major } = server.installed;
  await on(server, async (wire) => {
    await ask(wire, "set statement_timeout = '50ms'", 'select pg_sleep(5)', 'reset all');
    await ask(wire, "set lock_timeout = '50ms'", 'create table locked (a int)');
    const other = await PostgresWire.connect(server.port, USER);
    await ask(other, 'begin', 'lock table locked');
    await ask(wire, 'select * from locked');
    await ask(other, 'listen something', 'commit', 'listen something');
    await ask(wire, "notify something, 'payload'", "select pg_notify('something', 'else')");
    await ask(other, 'select 51', 'unlisten *');
    other.drop(); // between two statements
    await ask(wire, 'drop table locked');
  });
  const timeouts = [
    "set idle_in_transaction_session_timeout = '50ms'; begin",
    ...(major >= 14 ? ["set idle_session_timeout = '50ms'"] : []),
    ...(major >= 17 ? ["set transaction_timeout = '50ms'; begin"] : []),
  ];
  for (const text of timeouts) {
    const wire = await PostgresWire.connect(server.port, USER);
    await ask(wire, text);
    await wire.closed();
  }
  const idle = await PostgresWire.connect(server.port, USER);
  await ask(idle, 'select 52', 'begin');
  await on(server, (wire) => ask(wire, `select pg_terminate_backend(${idle.pid})`));
  await idle.closed();
  const busy = await PostgresWire.connect(server.port, USER);
  busy.query('select pg_sleep(20)');
  const prepared = await PostgresWire.connect(server.port, USER);
  prepared.parse('sleeps', 'select pg_sleep(21)').bind('', 'sleeps').execute('', 0).sync();
  await sleep(200);
  for (const { pid } of [busy, prepared])
    await on(server, (wire) =>
      ask(wire, `select pg_cancel_backend(${pid})`, `select pg_terminate_backend(${pid})`),
    );
  await Promise.all([busy.closed(), prepared.closed()]);
  const self = await PostgresWire.connect(server.port, USER);
  await ask(self, 'select pg_terminate_backend(pg_backend_pid())');
  await self.closed();
}

/** A subscriber: its stream is no statement. */
export async function subscription(server: PostgresServer): Promise<void> {
  const replication = { ...USER, replication: 'database' };
  const wire = await PostgresWire.connect(server.port, replication);
  await on(server, (other) =>
    ask(other, 'create table p (a int)', 'create publication p for table p'),
  );
  await ask(wire, 'CREATE_REPLICATION_SLOT stream TEMPORARY LOGICAL pgoutput', 'select 61');
  wire.query(
    `START_REPLICATION SLOT stream LOGICAL 0/0 (proto_version '1', publication_names 'p')`,
  );
  await on(server, (other) => ask(other, 'insert into p values (1)', 'update p set a = 2'));
  await sleep(200);
  wire.copyDone();
  await wire.ready();
  await ask(wire, 'select 62');
  wire.end();
  await on(server, (other) => ask(other, 'drop publication p', 'drop table p'));
}
