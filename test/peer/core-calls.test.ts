/**
 * Plug-ins called with the very keys that osquery 5.23 sends (logger/logger.cpp, core/plugins/logger.cpp,
 * distributed/distributed.cpp, config/config.cpp, sql/virtual_table.cpp), in its order.
 */
import { configPlugin } from '../../extension/sdk/config-plugin.ts';
import type { Table } from '../../extension/sdk/context.ts';
import {
  type DistributedResult,
  distributedPlugin,
} from '../../extension/sdk/distributed-plugin.ts';
import { serveExtension } from '../../extension/sdk/extension.ts';
import { loggerPlugin } from '../../extension/sdk/logger-plugin.ts';
import { defineTable, type Value } from '../../extension/sdk/spec.ts';
import { Peer } from './peer.ts';

/** LOGGER_FEATURE_LOGSTATUS and LOGGER_FEATURE_LOGEVENT (core/plugins/logger.h). */
const LOG_STATUS = 1;
const LOG_EVENT = 2;

const seen: unknown[] = [];
const results: DistributedResult[] = [];
const writes: unknown[] = [];
let last = 40n;
const written: Table = {
  spec: defineTable({
    name: 'written',
    description: 'Remembers what is asked of it.',
    evented: false,
    rowId: 'id',
    columns: [
      { name: 'id', type: 'BIGINT', description: 'Number.' },
      { name: 'text', type: 'TEXT', description: 'Text.' },
      { name: 'number', type: 'DOUBLE', description: 'A number.' },
    ],
    examples: [],
  }),
  generate: ({ columns }) => [
    columns.map(({ name }) => ({ id: 7, text: 'x', number: 1 })[name] ?? null),
  ],
  writer: {
    insert: (row: readonly Value[], id) => {
      writes.push(['insert', row, id]);
      last += 1n;
      return id ?? last;
    },
    update: (id, row, next) => {
      writes.push(['update', id, row, next]);
    },
    delete: (id) => {
      writes.push(['delete', id]);
    },
  },
};

let peer: Peer;
let uuid: number;
const abort = new AbortController();
let left: Promise<unknown>;

beforeAll(async () => {
  peer = await Peer.start();
  uuid = await new Promise((resolve, reject) => {
    left = serveExtension({
      socket: peer.socket,
      name: 'core_calls',
      version: '1',
      tables: [written],
      plugins: [
        loggerPlugin({
          name: 'all',
          init: (process, lines) => void seen.push(['init', process, lines.length]),
          result: (json) => {
            if (json.includes('full')) throw new Error('the disk is full');
            seen.push(['result', json]);
          },
          snapshot: (json) => void seen.push(['snapshot', json]),
          event: (json) => void seen.push(['event', json]),
          status: (lines) => void seen.push(['status', lines.map(({ message }) => message)]),
        }),
        loggerPlugin({ name: 'least', result: () => {} }),
        configPlugin({ name: 'no_packs', config: () => ({}) }),
        configPlugin({
          name: 'broken',
          config: () => {
            throw new Error('no such\nserver');
          },
        }),
        distributedPlugin({
          name: 'given',
          queries: () => ({
            queries: { q1: 'SELECT 1', 'é "2"': 'SELECT 2' },
            discovery: { q1: 'SELECT 1' },
          }),
          results: (given) => void results.push(...given),
        }),
      ],
      timeout: 2,
      interval: 1,
      log: () => {},
      signal: abort.signal,
      onRegistered: resolve,
    });
    left.catch(reject);
  });
});

beforeEach(() => {
  seen.length = 0;
  writes.length = 0;
  results.length = 0;
});

afterAll(async () => {
  abort.abort();
  await left;
  await peer.stop();
});

const call = (registry: string, item: string, request: { [key: string]: string }) =>
  peer.call(uuid, registry, item, request);

describe('logger', () => {
  const line = '{"s":0,"f":"init.cpp","i":3,"m":"started","c":"now","u":1790000000,"h":""}';

  test('begins with init and features; only what it says it wants is sent', async () => {
    expect((await call('logger', 'all', { init: 'osqueryd' })).code).toBe(0);
    expect((await call('logger', 'all', { action: 'features' })).code).toBe(LOG_STATUS | LOG_EVENT);
    expect((await call('logger', 'least', { init: 'osqueryd', log: `[${line}]` })).code).toBe(0);
    expect((await call('logger', 'least', { action: 'features' })).code).toBe(0);
    expect(seen).toEqual([['init', 'osqueryd', 0]]);
  });

  test('gets results with their category, snapshots, events and status lines', async () => {
    const requests = [
      { string: '{"name":"é","action":"added"}', category: 'event' },
      { snapshot: '{"snapshot":[]}' },
      { event: '{"eid":1}' },
      { status: 'true', log: `[${line},${line}]` },
      { init: 'osqueryi', log: `[${line}]` },
    ];
    for (const request of requests) {
      expect(await call('logger', 'all', request)).toMatchObject({ code: 0, rows: [] });
    }
    expect(seen).toEqual([
      ['result', '{"name":"é","action":"added"}'],
      ['snapshot', '{"snapshot":[]}'],
      ['event', '{"eid":1}'],
      ['status', ['started', 'started']],
      ['init', 'osqueryi', 1],
    ]);
  });

  test('of a batch each line is logged, and the failures are counted', async () => {
    const batch = JSON.stringify(['one', 'full', 'two']);
    expect(await call('logger', 'all', { string_batch: batch })).toMatchObject({
      code: 1,
      message: expect.stringContaining('1 of 3 results were not logged: the disk is full'),
    });
    expect(seen).toEqual([
      ['result', 'one'],
      ['result', 'two'],
    ]);
    expect((await call('logger', 'all', { string_batch: '[]' })).code).toBe(0);
    expect((await call('logger', 'all', { string_batch: '{}' })).code).toBe(1);
    expect((await call('logger', 'all', { string_batch: '[1]' })).code).toBe(1);
  });

  test('a call of another version (health) is refused, and the next one works', async () => {
    expect((await call('logger', 'all', { health: '{}' })).code).toBe(1);
    expect((await call('logger', 'all', { string: 'after' })).code).toBe(0);
    expect(seen).toEqual([['result', 'after']]);
  });
});

test('a config may be empty, have no packs, and fail in one line', async () => {
  expect(await call('config', 'no_packs', { action: 'genConfig' })).toMatchObject({
    code: 0,
    rows: [{}],
  });
  const pack = { action: 'genPack', name: 'p', value: '/etc/p.conf' };
  expect((await call('config', 'no_packs', pack)).code).toBe(1);
  expect(await call('config', 'broken', { action: 'genConfig' })).toMatchObject({
    code: 1,
    message: 'no such server',
  });
});

test('distributed results come with their statuses, messages and statistics', async () => {
  const [asked] = (await call('distributed', 'given', { action: 'getQueries' })).rows;
  expect(JSON.parse(asked?.results ?? '')).toEqual({
    queries: { q1: 'SELECT 1', 'é "2"': 'SELECT 2' },
    discovery: { q1: 'SELECT 1' },
  });
  const stats = { wall_time_ms: 3, user_time: 1, system_time: 0, memory: 4096 };
  const json = JSON.stringify({
    queries: { q1: [{ '1': '1' }, { '1': '' }], 'é "2"': [], denied: [] },
    statuses: { q1: 0, 'é "2"': 0, denied: 1 },
    messages: { q1: '', 'é "2"': '', denied: 'distributed query is denylisted' },
    stats: { q1: stats, 'é "2"': stats, denied: {} },
  });
  const answer = await call('distributed', 'given', { action: 'writeResults', results: json });
  expect(answer.code).toBe(0);
  expect(results).toEqual([
    { query: 'q1', status: 0, message: '', rows: [{ '1': '1' }, { '1': '' }] },
    { query: 'é "2"', status: 0, message: '', rows: [] },
    { query: 'denied', status: 1, message: 'distributed query is denylisted', rows: [] },
  ]);
  expect((await call('distributed', 'given', { action: 'writeResults' })).code).toBe(1);
  expect((await call('distributed', 'given', {})).code).toBe(1);
});

describe('a table that can be written', () => {
  test('is told of a row id that SQL chose, and chooses where it did not', async () => {
    await peer.sql("INSERT INTO written (text) VALUES ('chosen by the table')");
    await peer.sql("INSERT INTO written (rowid, text) VALUES (-9, 'chosen by SQL')");
    expect(writes).toEqual([
      ['insert', [null, 'chosen by the table', null], null],
      ['insert', [null, 'chosen by SQL', null], -9n],
    ]);
  });

  test('is told of a new row id only where it changes', async () => {
    await peer.sql("UPDATE written SET text = 'y', number = 0.5 WHERE id = 7");
    await peer.sql('UPDATE written SET rowid = 8 WHERE id = 7');
    await peer.sql('DELETE FROM written WHERE id = 7');
    expect(writes).toEqual([
      ['update', 7n, [7, 'y', 0.5], null],
      ['update', 7n, [7, 'x', 1], 8n],
      ['delete', 7n],
    ]);
  });

  test('the request carries a context too, and any text', async () => {
    const text = 'a\u0000b\u{1f600}"\\';
    const request = {
      action: 'insert',
      auto_rowid: 'true',
      id: '9223372036854775807',
      json_value_array: JSON.stringify([null, text, 1e300]),
      context: '{"constraints":[],"colsUsed":[],"colsUsedBitset":0}',
    };
    expect((await call('table', 'written', request)).rows).toEqual([
      { status: 'success', id: '9223372036854775807' },
    ]);
    expect(writes).toEqual([['insert', [null, text, 1e300], 9223372036854775807n]]);
  });
});
