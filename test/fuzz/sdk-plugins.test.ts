/** Requests that are nearly osquery's, to every kind of plug-in; and answers of a core that is none. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { configPlugin } from '../../extension/sdk/config-plugin.ts';
import { distributedPlugin } from '../../extension/sdk/distributed-plugin.ts';
import { loggerPlugin } from '../../extension/sdk/logger-plugin.ts';
import { Manager } from '../../extension/sdk/manager.ts';
import { PluginSet } from '../../extension/sdk/plugin-set.ts';
import { ExtensionServer } from '../../extension/sdk/server.ts';
import { ExtensionClient } from '../../extension/sdk/testing/extension-client.ts';
import { BinaryWriter } from '../../extension/sdk/thrift/binary-writer.ts';
import { MessageType, Type } from '../../extension/sdk/thrift/wire.ts';

/** What the plug-ins were given; whatever it is has its declared type. */
const given: unknown[] = [];
const plugins = new PluginSet(
  [
    {
      spec: {
        name: 'written',
        description: '',
        evented: false,
        rowId: 'id',
        columns: [
          { name: 'id', type: 'BIGINT', description: '' },
          { name: 'note', type: 'TEXT', description: '' },
        ],
        examples: [],
      },
      generate: () => [[1, 'x']],
      writer: {
        insert(row) {
          for (const [i, value] of row.entries())
            if (value !== null && (i === 1) !== (typeof value === 'string'))
              throw new Error('type');
          given.push(row);
          return 1;
        },
        update: (id) => void given.push(BigInt(id)),
        delete: (id) => void given.push(BigInt(id)),
      },
    },
  ],
  [
    loggerPlugin({
      name: 'log',
      result: (json) => void given.push(json.length),
      status: (lines) => void given.push(lines.map(({ message }) => message.length)),
      init: (_, lines) => void given.push(lines.map(({ file }) => file.length)),
      event: (json) => void given.push(json.length),
    }),
    configPlugin({ name: 'conf', config: () => ({ a: '{}' }), pack: (name) => name.slice(1) }),
    distributedPlugin({
      name: 'dist',
      queries: () => ({ queries: {} }),
      results: (results) =>
        void given.push(
          results.map(({ query, rows }) => query.length + Object.values(rows[0] ?? {}).length),
        ),
    }),
  ],
);

let directory: string;
let server: ExtensionServer;
let client: ExtensionClient;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'sdk-plugins-'));
  const path = join(directory, 's.1');
  server = new ExtensionServer({
    path,
    uuid: 1,
    plugin: plugins,
    log: () => {},
    onShutdown: () => {},
  });
  await server.listen();
  client = new ExtensionClient(path);
});

afterAll(async () => {
  await server.close();
  rmSync(directory, { recursive: true });
});

const KEYS = ['action', 'string', 'snapshot', 'init', 'log', 'status', 'event', 'name', 'value'];
const WRITING = ['id', 'new_id', 'auto_rowid', 'json_value_array', 'context', 'results'];
const ACTIONS = ['columns', 'generate', 'insert', 'update', 'delete', 'features', 'genConfig'];
const key = fc.constantFrom(...KEYS, ...WRITING, '__proto__', 'constructor', '');
const value = fc.oneof(
  fc.constantFrom(...ACTIONS, 'genPack', 'getQueries', 'writeResults', 'true', 'false', '1', '-7'),
  fc.json(),
  fc.array(fc.oneof(fc.json(), fc.constant('9007199254740993'))).map((all) => `[${all}]`),
  fc
    .record({ queries: fc.jsonValue(), statuses: fc.jsonValue(), messages: fc.jsonValue() })
    .map((results) => JSON.stringify(results)),
  fc.string({ unit: 'binary' }).map((text) => text.toWellFormed()),
);

test('any request to any plug-in is answered in order, with one line where it fails', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(
        ...(['table written', 'logger log', 'config conf', 'distributed dist', 'x y'] as const),
      ),
      fc.dictionary(key, value, { noNullPrototype: true }),
      async (plugin, request) => {
        const [registry = '', item = ''] = plugin.split(' ');
        const { status, response } = await client.call(registry, item, request);
        expect(typeof status?.code).toBe('number');
        expect(status?.message).not.toMatch(/[\n\r]/);
        for (const row of response ?? [])
          for (const cell of Object.values(row)) expect(typeof cell).toBe('string');
      },
    ),
    { numRuns: 600 },
  );
  await client.ping();
  expect(given.length).toBeGreaterThan(20);
});

describe('the client of a core that is none', () => {
  let core: Server;
  let answer: Buffer = Buffer.alloc(0);

  beforeAll(async () => {
    core = createServer((socket) => {
      socket.on('error', () => {});
      socket.on('data', () => socket.end(answer));
    });
    await new Promise<void>((done) => core.listen(join(directory, 'core'), done));
  });

  afterAll(() => new Promise((done) => core.close(done)));

  const whole = (): Buffer => {
    const reply = new BinaryWriter();
    reply.writeMessageBegin('query', MessageType.REPLY, 1);
    reply.writeFieldBegin('success', Type.STRUCT, 0);
    reply.writeFieldBegin('status', Type.STRUCT, 1);
    reply.writeFieldBegin('code', Type.I32, 1);
    reply.writeI32(0);
    reply.writeFieldStop();
    reply.writeFieldBegin('response', Type.LIST, 2);
    reply.writeListBegin(Type.MAP, 1);
    reply.writeMapBegin(Type.STRING, Type.STRING, 1);
    reply.writeString('key');
    reply.writeString('value');
    reply.writeFieldStop();
    reply.writeFieldStop();
    return Buffer.from(reply.bytes);
  };

  test('whatever it answers, a call gives rows or throws an error with a code', async () => {
    const manager = new Manager(join(directory, 'core'), { timeoutMs: 2000 });
    answer = whole();
    expect(await manager.query('SELECT 1')).toEqual([{ key: 'value' }]);
    const mutated = fc
      .array(fc.tuple(fc.nat({ max: answer.length - 1 }), fc.nat({ max: 255 })), { maxLength: 4 })
      .map((changes) => {
        const bytes = whole();
        for (const [at, byte] of changes) bytes[at] = byte;
        return bytes;
      });
    const cut = fc.nat({ max: answer.length }).map((length) => whole().subarray(0, length));
    const any = fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes));
    await fc.assert(
      fc.asyncProperty(fc.oneof({ weight: 4, arbitrary: mutated }, cut, any), async (bytes) => {
        answer = bytes;
        try {
          expect(Array.isArray(await manager.query('SELECT 1'))).toBe(true);
        } catch (error) {
          expect(error).toMatchObject({ name: 'LiveAuditError' });
        }
      }),
      { numRuns: 500 },
    );
  });
});
