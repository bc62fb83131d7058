/** From records to rows: every kind of command, and every loss that can happen on the way. */
import { RecordFlag } from '../../native/events.ts';
import { replay } from '../../tables/collector/recording.ts';
import { eventRow } from '../../tables/event.ts';
import { capture } from '../../tables/mysql_queries/capture.ts';
import { Command, IdentityLayout } from '../../tables/mysql_queries/records.ts';
import { spec } from '../../tables/mysql_queries/spec.ts';
import {
  Client,
  CONTAINER,
  RAN,
  recording,
  rowsOf,
  START,
  viewOf,
  world,
} from '../fixtures/mysql/records.ts';

const { STMT_EXECUTE, STMT_CLOSE, STMT_FETCH, CHANGE_USER, INIT_DB, FIELD_LIST } = Command;

test('a query: every column', () => {
  const client = new Client().identity().query('SELECT 1', { rowsSent: 1 });
  expect(rowsOf(client)).toEqual([
    {
      time: 5,
      time_ns: START + RAN,
      uptime: 5,
      pid: 100,
      tid: 101,
      connection_id: 7,
      command: 'COM_QUERY',
      query: 'SELECT 1',
      query_length: 8,
      truncated: 0,
      fingerprint: null,
      normalized: null,
      parameters: null,
      statement: null,
      status: 'SUCCESS',
      return_code: 0,
      error_code: 0,
      sqlstate: null,
      error: null,
      rows_sent: 1,
      rows_affected: null,
      duration: Number(RAN),
      user: 'ann',
      host: 'localhost',
      database: 'app',
      flavor: 'mariadb',
      server_path: '/usr/sbin/mariadbd',
      server_version: '10.11.6-MariaDB',
      container_id: CONTAINER,
    },
  ]);
});

test('an error is the statement’s that it was sent for, and of no other', () => {
  const client = new Client()
    .error(1054, '42S22', 'Unknown column')
    .query('SELECT nope', { error: 1054 })
    .query('SELECT 1')
    .error(1064, '42000', 'of a statement whose record was lost')
    .query('SELECT 2', { error: 1146 });
  expect(rowsOf(client)).toMatchObject([
    { error_code: 1054, sqlstate: '42S22', error: 'Unknown column' },
    { error_code: 0, sqlstate: null, error: null },
    { error_code: 1146, sqlstate: null, error: null },
  ]);
});

test('how dispatch_command returned', () => {
  const client = new Client();
  for (const returned of [0, 1, 2, 9, -1]) client.query('SELECT 1', { returned });
  expect(rowsOf(client).map((r) => [r.status, r.return_code, r.error_code])).toEqual([
    ['SUCCESS', 0, 0],
    ['CLOSE_CONNECTION', 1, 0],
    ['WOULDBLOCK', 2, 0],
    ['9', 9, 0],
    ['NOT_CAPTURED', -1, null],
  ]);
});

test.each([
  ['mysql', 'V57_FAILED', -2], // a bool from 5.7 on
  ['mysql-5.6', 'CLOSE_CONNECTION', 1],
  ['mariadb', 'CLOSE_CONNECTION', 1],
])('a connection that ends, as %s returns it: %s', (program, status, code) => {
  const client = new Client();
  for (const returned of [0, 1, -1]) client.query('SELECT 1', { returned });
  client.query('SELECT 1', { returned: 1, error: 1053 });
  const target = () => ({ program, path: '/server' });
  expect(rowsOf(client, { target }).map((r) => [r.status, r.return_code, r.error_code])).toEqual([
    ['SUCCESS', 0, 0],
    [status, code, 0],
    ['NOT_CAPTURED', -1, null],
    [status, code, 1053],
  ]);
});

test('31 is no command of MySQL 5.6', () => {
  const client = new Client().query('', { command: Command.RESET_CONNECTION, error: 1047 });
  const named = (program: string) =>
    rowsOf(client, { target: () => ({ program, path: '/server' }) }).map((row) => row.command);
  expect(['mysql-5.6', 'mysql', 'mariadb'].flatMap(named)).toEqual([
    'COM_31',
    'COM_RESET_CONNECTION',
    'COM_RESET_CONNECTION',
  ]);
});

test('the return of a server whose binary is not known any more: its number as it was', () => {
  const client = new Client().query('SELECT 1', { returned: 1 });
  expect(rowsOf(client, { target: () => undefined })).toMatchObject([
    { status: 'CLOSE_CONNECTION', return_code: 1, server_path: null },
  ]);
});

describe('who', () => {
  test('without a database, and after a change', () => {
    const client = new Client().identity({ db: null }).query('USE a').identity({ db: 'a' });
    expect(rowsOf(client.query('SELECT 1')).map((row) => row.database)).toEqual([null, 'a']);
  });

  test('an identity that was lost leaves it unknown, never that of before', () => {
    const client = new Client().identity().query('SELECT 1').loseIdentity().query('SELECT 2');
    expect(rowsOf(client)).toMatchObject([
      { user: 'ann', database: 'app', server_version: '10.11.6-MariaDB' },
      { user: null, host: null, database: null, server_version: null, flavor: null },
    ]);
  });

  test('a collector that begins is told who it was and who it is: each statement names one', () => {
    const client = new Client().identity().query('SELECT 1').identity({ db: 'b' });
    client.query('SELECT 2');
    const [first, one, second, two] = client.records;
    const records = [second, first, one, two].filter((record) => record !== undefined);
    expect(rowsOf({ records }).map((row) => row.database)).toEqual(['app', 'b']);
  });

  test('the place in memory of a connection that is gone', () => {
    const client = new Client().identity().prepare('SELECT ?', 1).about(1).reconnect(8);
    client.query('SELECT 1').about(1).identity({ user: 'bob' }).about(1);
    expect(rowsOf(client).map((row) => [row.connection_id, row.user, row.query])).toEqual([
      [7, 'ann', 'SELECT ?'],
      [7, 'ann', 'SELECT ?'],
      [8, null, 'SELECT 1'],
      [8, null, null],
      [8, 'bob', null],
    ]);
  });

  test('what was prepared before its identity came: kept, but not that of a server before this one', () => {
    const client = new Client().prepare('SELECT ?', 1).identity().about(1);
    expect(rowsOf(client).map((row) => [row.query, row.user])).toEqual([
      ['SELECT ?', null],
      ['SELECT ?', 'ann'],
    ]);
    const [prepare, identity, execution] = client.records;
    if (!prepare || !identity || !execution) throw new Error('no records');
    identity.writeBigUInt64LE(10n * START, IdentityLayout.server);
    expect(rowsOf(client).map((row) => [row.query, row.user])).toEqual([
      ['SELECT ?', null],
      [null, 'ann'],
    ]);
  });

  test('two servers with a THD at the same address', () => {
    const records: Buffer[] = [];
    const one = new Client(records, 1, 0x5000, 100)
      .identity({ user: 'one' })
      .prepare('SELECT 1', 1);
    const two = new Client(records, 1, 0x5000, 200)
      .identity({ user: 'two' })
      .prepare('SELECT 2', 1);
    one.about(1);
    two.about(1);
    expect(rowsOf({ records }).map((row) => [row.pid, row.user, row.query])).toEqual([
      [100, 'one', 'SELECT 1'],
      [200, 'two', 'SELECT 2'],
      [100, 'one', 'SELECT 1'],
      [200, 'two', 'SELECT 2'],
    ]);
  });
});

describe('prepared statements', () => {
  test('show the text that was prepared, until they are closed', () => {
    const client = new Client().prepare('SELECT ?', 1).prepare('SELECT ?, 2', 2).about(1).about(2);
    client.about(1, STMT_FETCH).about(1, STMT_CLOSE).about(1).about(2).about(3);
    expect(rowsOf(client).map((row) => [row.command, row.query])).toEqual([
      ['COM_STMT_PREPARE', 'SELECT ?'],
      ['COM_STMT_PREPARE', 'SELECT ?, 2'],
      ['COM_STMT_EXECUTE', 'SELECT ?'],
      ['COM_STMT_EXECUTE', 'SELECT ?, 2'],
      ['COM_STMT_FETCH', 'SELECT ?'],
      ['COM_STMT_CLOSE', 'SELECT ?'],
      ['COM_STMT_EXECUTE', null],
      ['COM_STMT_EXECUTE', 'SELECT ?, 2'],
      ['COM_STMT_EXECUTE', null],
    ]);
  });

  test('MariaDB’s id for the last one', () => {
    const client = new Client().prepare('SELECT 1', 1).prepare('SELECT 2', 2).about(0xffff_ffff);
    expect(rowsOf(client).at(-1)?.query).toBe('SELECT 2');
  });

  test('a change of user forgets them; a failed one does not', () => {
    const client = new Client().prepare('SELECT ?', 1);
    client.query('', { command: CHANGE_USER, error: 1045 }).about(1);
    client.query('', { command: CHANGE_USER }).about(1);
    const executed = rowsOf(client).filter((row) => row.command === 'COM_STMT_EXECUTE');
    expect(executed.map((row) => row.query)).toEqual(['SELECT ?', null]);
  });

  test('a failed one, one without a known id, and one whose text was lost stand for nothing', () => {
    const client = new Client().prepare('SELEC', 1, { error: 1064 }).about(1);
    client.query('SELECT 2', { command: Command.STMT_PREPARE }).about(2).about(0);
    client.prepare('SELECT 3', 3).prepare('', 3, { packet: 99, packetSize: 5000 }).about(3);
    const executed = rowsOf(client).filter((row) => row.command === 'COM_STMT_EXECUTE');
    expect(executed.map((row) => row.query)).toEqual([null, null, null, null]);
  });

  test('one that the server does not know: no text, whatever a later collector was told', () => {
    const client = new Client().prepare('SELECT ?', 1).about(1);
    client.query(Buffer.from([1, 0, 0, 0]), { command: STMT_EXECUTE, error: 1243 }).about(1);
    const executed = rowsOf(client).filter((row) => row.command === 'COM_STMT_EXECUTE');
    expect(executed.map((row) => row.query)).toEqual(['SELECT ?', null, 'SELECT ?']);
  });

  test('a packet that is shorter than an id', () => {
    const client = new Client().prepare('SELECT ?', 0).query('\x00', { command: STMT_EXECUTE });
    expect(rowsOf(client).at(-1)?.query).toBeNull();
  });
});

describe('texts', () => {
  const long = Buffer.from('x'.repeat(70_000));
  const chunks = (client: Client, lose = -1): Client => {
    for (const [i, part] of [long.subarray(0, 65_536), long.subarray(65_536)].entries())
      if (i !== lose) client.packet(5, part, long.length, i === 1 ? RecordFlag.LAST : 0);
    return client.query('', { packet: 5, packetSize: long.length });
  };

  test('in chunks', () => {
    expect(rowsOf(chunks(new Client()))).toMatchObject([
      { query: long.toString(), query_length: long.length, truncated: 0 },
    ]);
  });

  test.each([0, 1])('a chunk that was lost (%i): not known, never a part for the whole', (lost) => {
    expect(rowsOf(chunks(new Client(), lost))).toMatchObject([
      { query: null, query_length: long.length, truncated: 1 },
    ]);
  });

  test('longer than the maximum, and longer than the chunks', () => {
    expect(rowsOf(chunks(new Client()), { maxText: 1000 })).toMatchObject([
      { query: 'x'.repeat(1000), query_length: long.length, truncated: 1 },
    ]);
    const cut = new Client().packet(5, long, 1_000_000, RecordFlag.LAST | RecordFlag.TEXT_CUT);
    expect(rowsOf(cut.query('', { packet: 5, packetSize: 1_000_000 }))).toMatchObject([
      { query: long.toString(), query_length: 1_000_000, truncated: 1 },
    ]);
  });

  test('that could not be read', () => {
    const client = new Client().query('', { readFailed: true, packetSize: 9 });
    expect(rowsOf(client)).toMatchObject([{ query: null, query_length: 9, truncated: 1 }]);
  });

  test('of several statements in one packet', () => {
    const packet = "  SELECT 1; SELECT ';' ;\n SELECT 3;";
    const [second, third] = [packet.indexOf("SELECT '") - 2, packet.indexOf('SELECT 3') - 2];
    const client = new Client()
      .query(packet, { to: second, more: true })
      .query(packet, { from: second, to: third, more: true })
      .query(packet, { from: third });
    expect(rowsOf(client).map((row) => row.query)).toEqual(['SELECT 1', "SELECT ';'", 'SELECT 3']);
  });

  test('of a database, a table, and of none', () => {
    const client = new Client().query('app', { command: INIT_DB });
    client.query('t\0%', { command: FIELD_LIST }).query('', { command: CHANGE_USER });
    expect(rowsOf(client).map((row) => [row.command, row.query, row.query_length])).toEqual([
      ['COM_INIT_DB', 'app', 3],
      ['COM_FIELD_LIST', 't', 1],
      ['COM_CHANGE_USER', null, null],
    ]);
  });

  test('that are not UTF-8, and with NUL', () => {
    const client = new Client().query(Buffer.from([0x61, 0, 0xff, 0x62]));
    expect(rowsOf(client)[0]?.query).toBe('a\0\\xffb');
  });
});

test('what is open goes to the next collector', () => {
  const text = Buffer.from('y'.repeat(2000));
  const client = new Client().packet(3, text).query('', { packet: 3, packetSize: 2000 });
  const [packet, statement] = client.records;
  if (!packet || !statement) throw new Error('no records');
  const before = capture.assembler(world);
  before.accept(viewOf(packet), 0, packet.length);
  expect([before.isOpen, [...before.openPids]]).toEqual([true, [100]]);
  const after = capture.assembler(world);
  after.restore(structuredClone(before.save()));
  const { events } = replay(recording([statement]), after);
  expect(events.map((event) => eventRow(spec, event).query)).toEqual([text.toString()]);
  expect(after.isOpen).toBe(false);
});

test('a goodbye forgets the connection', () => {
  const client = new Client().identity().prepare('SELECT ?', 1).end().about(1);
  expect(rowsOf(client).at(-1)).toMatchObject({ query: null, user: null });
});
