/** Everything that is no plain table, called as osquery calls it. */
import { configPlugin } from '../../extension/sdk/config-plugin.ts';
import type { Row, Table } from '../../extension/sdk/context.ts';
import {
  type DistributedResult,
  distributedPlugin,
} from '../../extension/sdk/distributed-plugin.ts';
import { serveExtension } from '../../extension/sdk/extension.ts';
import { loggerPlugin, type StatusLine } from '../../extension/sdk/logger-plugin.ts';
import { defineTable, type Value } from '../../extension/sdk/spec.ts';
import { ConstraintError } from '../../extension/sdk/writable.ts';
import { Peer } from './peer.ts';
import { small } from './sample-tables.ts';

const notes = new Map<bigint, Value[]>();
const people: Table = {
  spec: defineTable({
    name: 'notes',
    description: 'A table to write to.',
    evented: false,
    rowId: 'id',
    aliases: ['remarks'],
    columns: [
      { name: 'id', type: 'BIGINT', description: 'Number.', push: 'equal' },
      { name: 'note', type: 'TEXT', description: 'Text.', aliases: ['remark'] },
      { name: 'weight', type: 'DOUBLE', description: 'A number.' },
    ],
    examples: [],
  }),
  *generate(context) {
    for (const [id, [, note = null, weight = null]] of notes) {
      const row: { [name: string]: Value } = { id, note, weight };
      yield context.columns.map(({ name }) => row[name] ?? null) as Row;
    }
  },
  writer: {
    insert: (row, chosen) => {
      const id = chosen ?? (row[0] === null ? BigInt(notes.size + 1) : BigInt(row[0] ?? 0));
      if (notes.has(id)) throw new ConstraintError('the id is taken');
      notes.set(id, [...row]);
      return id;
    },
    update: async (id, row, next) => {
      if (row[1] === 'never') throw new Error('never\nsay never');
      notes.delete(id);
      notes.set(next ?? id, [...row]);
    },
    delete: (id) => {
      notes.delete(id);
    },
  },
};

const logged: string[] = [];
const statuses: StatusLine[] = [];
const results: DistributedResult[] = [];
let peer: Peer;
let uuid: number;
const abort = new AbortController();
let left: Promise<unknown>;

beforeAll(async () => {
  peer = await Peer.start();
  uuid = await new Promise((resolve, reject) => {
    left = serveExtension({
      socket: peer.socket,
      name: 'plugins',
      version: '1',
      tables: [people, small],
      plugins: [
        loggerPlugin({
          name: 'keeps',
          result: (json) => {
            if (json === 'fail') throw new Error('the disk\nis full');
            logged.push(json);
          },
          status: async (lines) => {
            statuses.push(...lines);
          },
        }),
        configPlugin({
          name: 'static',
          config: async () => ({ main: '{"schedule":{}}' }),
          pack: (name, value) => `{"pack":"${name}","of":"${value}"}`,
        }),
        distributedPlugin({
          name: 'asks',
          queries: () => ({ queries: { one: 'SELECT 1' }, accelerate: 60 }),
          results: (given) => {
            results.push(...given);
          },
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

afterAll(async () => {
  abort.abort();
  await left;
  await peer.stop();
});

const rows = async (sql: string) => (await peer.sql(sql)).rows;

test('INSERT, UPDATE and DELETE reach the table, exact to 64 bits', async () => {
  await rows("INSERT INTO notes VALUES (9007199254740993, 'first', 1.5), (2, 'é', NULL)");
  expect(notes.get(9007199254740993n)).toEqual([9007199254740993n, 'first', 1.5]);
  await rows("UPDATE notes SET note = 'changed' WHERE id = 2");
  expect(await rows('SELECT id, note, weight FROM notes ORDER BY id')).toEqual([
    { id: '2', note: 'changed', weight: '' },
    { id: '9007199254740993', note: 'first', weight: '1.5' },
  ]);
  await rows('DELETE FROM notes WHERE id = 2');
  expect(await rows('SELECT id FROM notes')).toEqual([{ id: '9007199254740993' }]);
});

test('a rule of the table, its failure and a table that cannot be written are errors of SQL', async () => {
  await expect(rows('INSERT INTO notes VALUES (9007199254740993, NULL, NULL)')).rejects.toThrow(
    'constraint',
  );
  await expect(rows("UPDATE notes SET note = 'never'")).rejects.toThrow('never say never');
  await expect(rows("INSERT INTO small VALUES ('x', 'y')")).rejects.toThrow('may not be modified');
});

test('bad rows are refused by name', async () => {
  const write = async (request: { [key: string]: string }) =>
    (await peer.call(uuid, 'table', 'notes', request)).rows[0];
  const insert = { action: 'insert', auto_rowid: 'false' };
  expect(await write({ ...insert, json_value_array: '[1]' })).toMatchObject({ status: 'failure' });
  expect(await write({ ...insert, json_value_array: '{' })).toMatchObject({ status: 'failure' });
  expect(await write(insert)).toMatchObject({ status: 'failure' });
  expect(await write({ ...insert, json_value_array: '["x", "y", 1]' })).toMatchObject({
    status: 'failure',
    message: expect.stringContaining("column 'id'"),
  });
  expect(await write({ action: 'delete', id: '1; DROP' })).toMatchObject({ status: 'failure' });
});

test('a table and a column have other names', async () => {
  expect(await rows("SELECT note, remark FROM notes WHERE remark = 'first'")).toEqual([
    { note: 'first', remark: 'first' },
  ]);
  expect(await rows('SELECT note FROM remarks')).toEqual([{ note: 'first' }]);
});

test('a logger gets results and status lines, and says what it wants', async () => {
  const call = (request: { [key: string]: string }) => peer.call(uuid, 'logger', 'keeps', request);
  expect((await call({ action: 'features' })).code).toBe(1);
  expect((await call({ string: '{"name":"x"}' })).code).toBe(0);
  expect((await call({ snapshot: '{"name":"y"}' })).code).toBe(0);
  expect(logged).toEqual(['{"name":"x"}', '{"name":"y"}']);
  const log = '[{"s":1,"f":"a.cpp","i":7,"m":"text","c":"now","u":1790000000,"h":"host"}]';
  expect((await call({ status: 'true', log })).code).toBe(0);
  expect(statuses).toEqual([
    {
      severity: 1,
      file: 'a.cpp',
      line: 7,
      message: 'text',
      time: 1790000000,
      hostIdentifier: 'host',
    },
  ]);
  expect(await call({ string: 'fail' })).toMatchObject({ code: 1, message: 'the disk is full' });
  expect((await call({ status: 'true', log: '{"":' })).code).toBe(1);
  expect((await call({})).code).toBe(1);
});

test('a config has sources and packs', async () => {
  const call = (request: { [key: string]: string }) => peer.call(uuid, 'config', 'static', request);
  expect((await call({ action: 'genConfig' })).rows).toEqual([{ main: '{"schedule":{}}' }]);
  expect((await call({ action: 'genPack', name: 'p', value: 'v' })).rows).toEqual([
    { p: '{"pack":"p","of":"v"}' },
  ]);
  expect((await call({ action: 'genPack' })).code).toBe(1);
  expect((await call({ action: 'other' })).code).toBe(1);
});

test('distributed queries go out and their results come back', async () => {
  const call = (request: { [key: string]: string }) =>
    peer.call(uuid, 'distributed', 'asks', request);
  const [asked] = (await call({ action: 'getQueries' })).rows;
  expect(JSON.parse(asked?.results ?? '')).toEqual({
    queries: { one: 'SELECT 1' },
    accelerate: 60,
  });
  const json = JSON.stringify({
    queries: { one: [{ a: '1' }], two: '' },
    statuses: { one: '0', two: 1 },
    messages: { two: 'no such table' },
  });
  expect((await call({ action: 'writeResults', results: json })).code).toBe(0);
  expect(results).toEqual([
    { query: 'one', status: 0, message: '', rows: [{ a: '1' }] },
    { query: 'two', status: 1, message: 'no such table', rows: [] },
  ]);
  expect((await call({ action: 'writeResults', results: '[' })).code).toBe(1);
});
