/** From records to rows: postgres_queries. */
import v8 from 'node:v8';
import { RecordFlag } from '../../native/events.ts';
import { replay } from '../../tables/collector/recording.ts';
import { PostgresAssembler } from '../../tables/postgres_queries/assemble.ts';
import { Known, Outcome, PostgresRecord, Protocol } from '../../tables/postgres_queries/records.ts';
import {
  Backend,
  BOOT_TO_UNIX,
  bindMessage,
  recording,
  sources,
  world,
} from '../fixtures/postgres/records.ts';

const EXTENDED = Protocol.EXTENDED;
const { TEXT, ERROR, PARAMETERS, PART, DYING, EXIT } = PostgresRecord;

test('a statement is one record; who asked came before', () => {
  const [row] = new Backend().identity().statement('select 1', { tag: 1, rows: 3n }).rows();
  expect(row).toEqual({
    ...{
      time: 1_700_000_004,
      time_ns: BOOT_TO_UNIX + 4_999_000_000n,
      uptime: 4,
      duration: 1_000_000,
    },
    ...{ pid: 100, uid: 26, query: 'select 1', query_length: 8, truncated: 0 },
    ...{ fingerprint: null, normalized: null, protocol: 'simple', statement_name: null },
    ...{ parameters: null, command_tag: 'SELECT', rows: 3, sqlstate: null, error: null },
    ...{ user: 'ann', database: 'app', application_name: 'psql', container_id: null },
    ...{ client_address: '192.0.2.7', client_port: 40_000 },
    ...{ server_path: '/pg/postgres', server_version: '16.4' },
  });
});

test('what is not known is NULL', () => {
  const [row] = new Backend()
    .statement(null, { start: 0n, target: 9, protocol: Protocol.UNKNOWN, outcome: Outcome.FAILED })
    .rows();
  const known = Object.entries(row ?? {}).filter(([, value]) => value !== null);
  expect(Object.fromEntries(known)).toEqual({
    ...{ pid: 100, truncated: 0, uptime: 5 },
    ...{ time: 1_700_000_005, time_ns: BOOT_TO_UNIX + 5_000_000_000n },
  });
});

test('tags: numbers with rows only where the command counts them, texts of older servers', () => {
  const rows = new Backend()
    .statement('', { tag: 2, rows: 7n })
    .statement('', { tag: 77, rows: 7n })
    .statement('', { tagText: 'SELECT 5' })
    .statement('', { tagText: 'INSERT 0 12' })
    .statement('', { tagText: 'CREATE TABLE' })
    .statement('', { tag: 1, outcome: Outcome.SUSPENDED })
    .rows();
  expect(rows.map(({ command_tag, rows: n }) => [command_tag, n])).toEqual([
    ['CREATE TABLE', null],
    [null, null],
    ['SELECT', 5],
    ['INSERT', 12],
    ['CREATE TABLE', null],
    [null, null],
  ]);
});

test('names of statements', () => {
  const rows = new Backend()
    .statement('a', { protocol: EXTENDED, name: 'n' })
    .statement('b', { protocol: EXTENDED, known: Known.UNNAMED })
    .statement('c', { protocol: EXTENDED })
    .rows();
  expect(rows.map((row) => row.statement_name)).toEqual(['n', '', null]);
});

describe('long texts', () => {
  const long = `select '${'é'.repeat(80_000)}'`;

  test('in chunks, put together byte by byte', () => {
    const [row] = new Backend()
      .text(TEXT, long, 1001)
      .statement(null, { known: Known.TEXT })
      .rows();
    expect(row).toMatchObject({ query: long, query_length: Buffer.byteLength(long), truncated: 0 });
  });

  test('longer than what is kept: cut between characters, its true length told', () => {
    const small = new PostgresAssembler({ ...world, maxText: 1000 }, sources);
    const [row] = new Backend()
      .text(TEXT, long, 500)
      .statement(null, { known: Known.TEXT })
      .rows(small);
    expect(row).toMatchObject({ query_length: Buffer.byteLength(long), truncated: 1 });
    expect(row?.query).toBe(long.slice(0, 8 + 496));
  });

  test('a chunk is lost: what is there, and truncated', () => {
    const backend = new Backend().text(TEXT, 'select one', 4);
    backend.records.splice(1, 1);
    const [row] = backend.statement(null, { known: Known.TEXT }).rows();
    expect(row).toMatchObject({ query: 'selene', truncated: 1, query_length: 10 });
  });

  test('its end could not be read, or measured: the length is not known', () => {
    const [row] = new Backend()
      .text(TEXT, 'select', 4, RecordFlag.READ_FAILED | RecordFlag.TEXT_CUT)
      .statement(null, { known: Known.TEXT })
      .rows();
    expect(row).toMatchObject({ query: 'select', truncated: 1, query_length: null });
  });

  test('the last chunk never came, and the next statement is whole', () => {
    const backend = new Backend().text(TEXT, 'select one', 4);
    backend.records.splice(2, 1);
    const rows = backend.statement(null, { known: Known.TEXT }).statement('select 2').rows();
    expect(rows).toMatchObject([
      { query: 'select o', truncated: 1, query_length: null },
      { query: 'select 2', truncated: 0, query_length: 8 },
    ]);
  });

  test('none came of a text that there was', () => {
    const [row] = new Backend().lose().statement(null, { known: Known.TEXT }).rows();
    expect(row).toMatchObject({ query: null, truncated: 1, query_length: null });
  });
});

test('several statements of a text: its first part brings the text, the last the tag', () => {
  const rows = new Backend()
    .statement('a; b', { type: PART })
    .statement(null, { known: Known.TEXT, tag: 1, rows: 2n })
    .rows();
  expect(rows).toMatchObject([{ query: 'a; b', command_tag: 'SELECT', rows: 2 }]);
});

test('failures: SQLSTATE and message; the message is not the next statement’s', () => {
  const rows = new Backend()
    .text(ERROR, 'division by zero')
    .statement('select 1/0', { outcome: Outcome.FAILED, sqlstate: 0x20820802 })
    .statement('select 2', { outcome: Outcome.FAILED, sqlstate: 1 })
    .rows();
  expect(rows).toMatchObject([
    { query: 'select 1/0', error: 'division by zero', command_tag: null },
    { query: 'select 2', error: null, sqlstate: '10000' },
  ]);
});

test('bytes that are not UTF-8 are shown in hex, everywhere', () => {
  const bytes = Buffer.from("'\xff'", 'latin1');
  const [row] = new Backend()
    .text(ERROR, bytes)
    .statement(bytes, { outcome: Outcome.FAILED })
    .rows();
  expect(row).toMatchObject({ query: "'\\xff'", error: "'\\xff'", query_length: 3 });
});

describe('a signal while the backend was at something', () => {
  test('it was the end: a row', () => {
    const rows = new Backend()
      .statement('select pg_sleep(9)', { type: DYING, outcome: Outcome.SIGNAL, signal: 15 })
      .statement(null, { type: EXIT, outcome: Outcome.SIGNAL, signal: 9 })
      .rows();
    expect(rows).toMatchObject([
      { query: 'select pg_sleep(9)', error: 'terminated by signal 9: Killed', sqlstate: null },
    ]);
  });

  test('it was not: the statement ended by itself', () => {
    const rows = new Backend()
      .statement('select 1', { type: DYING, outcome: Outcome.SIGNAL, signal: 3 })
      .statement('select 1', { tag: 1 })
      .rows();
    expect(rows).toMatchObject([{ query: 'select 1', error: null, command_tag: 'SELECT' }]);
  });
});

describe('who asked', () => {
  test('another application_name from now on', () => {
    const rows = new Backend()
      .identity({ application: 'a' })
      .statement('1')
      .identity({ application: 'b' })
      .statement('2')
      .rows();
    expect(rows.map((row) => row.application_name)).toEqual(['a', 'b']);
  });

  test.each([
    ['postgres: ann app 192.0.2.7(4000) SELECT', ['ann', 'app', '192.0.2.7', 4000]],
    ['postgres: main: ann app [local] idle', ['ann', 'app', '[local]', null]],
    ['postgres: ann app 2001:db8::1(4000) idle', ['ann', 'app', '2001:db8::1', 4000]],
    ['postgres: ann app fe80::1%eth0(4000) idle', [null, null, null, null]],
    ['postgres: parallel worker for PID 5', [null, null, null, null]],
    ['something else', [null, null, null, null]],
  ])('by the process title: %s', (title, expected) => {
    const [row] = new Backend().identity({ title }).statement('1').rows();
    expect([row?.user, row?.database, row?.client_address, row?.client_port]).toEqual(expected);
  });
});

describe('parameters', () => {
  const bind = (values: readonly (Buffer | string | null)[]) => bindMessage(values);
  const of = (portal: bigint) => ({ protocol: EXTENDED, portal });

  test('by portal; a portal that goes on keeps them', () => {
    const rows = new Backend()
      .text(PARAMETERS, bind(['a', null]))
      .types(1n, [25, 25])
      .text(PARAMETERS, bind([Buffer.from([0, 0, 0, 7])]))
      .types(2n, [23])
      .statement('x', { ...of(1n), outcome: Outcome.SUSPENDED })
      .statement('y', of(2n))
      .statement('x', of(1n))
      .statement('z', of(3n))
      .rows();
    expect(rows.map((row) => row.parameters)).toEqual(['["a",null]', '["7"]', '["a",null]', null]);
  });

  test('a message of which a part is lost gives none, nor does the portal’s last one', () => {
    const backend = new Backend().text(PARAMETERS, bind(['a'])).types(1n, [25]);
    const cut = new Backend().text(PARAMETERS, bind(['b'.repeat(100)]), 60).records.slice(1);
    backend.records.push(...cut);
    const rows = backend.types(1n, [25]).statement('x', of(1n)).rows();
    expect(rows[0]?.parameters).toBeNull();
  });

  test('those of an earlier process with this number are forgotten', () => {
    const rows = new Backend()
      .identity({ started: 1n })
      .text(PARAMETERS, bind(['a']))
      .types(1n, [25])
      .identity({ started: 2n })
      .statement('x', of(1n))
      .rows();
    expect(rows[0]?.parameters).toBeNull();
  });
});

test('what is open is saved, and gone on with', () => {
  const backend = new Backend().text(TEXT, 'select one', 4).text(ERROR, 'message');
  const first = new PostgresAssembler(world, sources);
  replay(recording(backend.records.splice(0)), first);
  first.detach();
  expect(first.isOpen).toBe(true);
  const next = new PostgresAssembler(world, sources);
  next.restore(v8.deserialize(v8.serialize(first.save())));
  const [row] = backend.statement(null, { known: Known.TEXT, outcome: Outcome.FAILED }).rows(next);
  expect(row).toMatchObject({ query: 'select one', truncated: 0, error: 'message' });
  expect(next.isOpen).toBe(false);
});

test('a save of another version, or none, is left alone', () => {
  const assembler = new PostgresAssembler(world, sources);
  for (const state of [
    null,
    1,
    {},
    { version: 0, parts: new Map() },
    { version: 4, parts: new Map() },
  ])
    assembler.restore(state);
  expect(assembler.isOpen).toBe(false);
});
