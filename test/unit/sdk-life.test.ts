/** The life of an extension, and the client of its core, against the SDK's own mock manager. */
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type ExtensionOptions,
  type LeaveReason,
  serveExtension,
} from '../../extension/sdk/extension.ts';
import { Manager } from '../../extension/sdk/manager.ts';
import { defineTable } from '../../extension/sdk/spec.ts';
import { ExtensionClient } from '../../extension/sdk/testing/extension-client.ts';
import { MockManager } from '../../extension/sdk/testing/mock-manager.ts';

const table = {
  spec: defineTable({
    name: 'colours',
    description: 'Colours.',
    evented: false,
    columns: [{ name: 'name', type: 'TEXT', description: 'Its name.' }],
    examples: [],
  }),
  generate: () => [['red'], ['green']],
};

let directory: string;
let socket: string;
let mock: MockManager;
let running: { abort: AbortController; left: Promise<LeaveReason> }[];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'sdk-life-'));
  socket = join(directory, 'osquery.em');
  mock = await MockManager.start({ socket });
  running = [];
});

afterEach(async () => {
  for (const { abort, left } of running) {
    abort.abort();
    await left.catch(() => {});
  }
  await mock.close();
  rmSync(directory, { recursive: true });
});

function serve(options: Partial<ExtensionOptions> = {}) {
  const abort = new AbortController();
  const log: string[] = [];
  const left = serveExtension({
    socket,
    name: 'colours',
    version: '1.2.3',
    tables: [table],
    timeout: 2,
    interval: 0.05,
    log: (line) => log.push(line),
    signal: abort.signal,
    ...options,
  });
  const one = { abort, left, log };
  running.push(one);
  return one;
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error('waited for 10 s');
    await sleep(5);
  }
}

test('a user’s test: registered with its columns, asked for rows, shut down', async () => {
  const extension = serve();
  const { info, registry } = await mock.registered;
  expect(info).toMatchObject({ name: 'colours', version: '1.2.3' });
  expect(registry.table?.colours).toMatchObject([{ id: 'column', name: 'name', type: 'TEXT' }]);
  const client = await mock.extension();
  expect(await client.generate('colours')).toEqual([{ name: 'red' }, { name: 'green' }]);
  await expect(client.generate('nothing')).rejects.toMatchObject({ code: 'OSQUERY_QUERY' });
  await client.shutdown();
  expect(await extension.left).toBe('shutdown');
});

test('a core that starts anew on its socket gets the extension again, under the same uuid too', async () => {
  serve();
  const before = await mock.registered;
  await mock.extension();
  await mock.close();
  mock = await MockManager.start({ socket });
  const after = await mock.registered;
  expect(after.uuid).toBe(before.uuid);
  expect(await (await mock.extension()).generate('colours')).toHaveLength(2);
});

test('while a twin of the same name lives it waits with back-off, and registers when the twin is gone', async () => {
  const first = serve();
  const { uuid } = await mock.registered;
  await mock.extension();
  mock.forget(uuid);
  // The core has another one by that name before the first one looks.
  mock.refusal = 'Duplicate extension registered';
  await until(() => first.log.filter((line) => line.includes('Duplicate')).length >= 3);
  mock.refusal = undefined;
  const again = await mock.registered;
  expect(await (await mock.extension(again.uuid)).generate('colours')).toHaveLength(2);
});

test('a stale socket file in its place is replaced; a file that is none is not', async () => {
  const one = serve();
  const { uuid } = await mock.registered;
  await mock.extension();
  one.abort.abort();
  await one.left;
  mock.forget(uuid);
  // Left by a killed process: a socket that nobody listens on.
  const stale = createServer();
  const next = `${socket}.${uuid + 1}`;
  await new Promise<void>((resolve) => stale.listen(`${next}.other`, resolve));
  renameSync(`${next}.other`, next);
  await new Promise((resolve) => stale.close(resolve));
  expect(existsSync(next)).toBe(true);
  const two = serve();
  expect(await (await mock.extension()).generate('colours')).toHaveLength(2);
  two.abort.abort();
  await two.left;
  mock.forget(uuid + 1);
  writeFileSync(`${socket}.${uuid + 2}`, 'mine');
  serve();
  await until(() => mock.registrations.has(uuid + 3));
  expect(mock.registrations.has(uuid + 2)).toBe(false);
  expect(await (await mock.extension(uuid + 3)).generate('colours')).toHaveLength(2);
  expect(readFileSync(`${socket}.${uuid + 2}`, 'utf8')).toBe('mine');
});

test('gone for longer than its patience, it leaves; not before', async () => {
  const patient = serve({ patience: 0.6 });
  await mock.extension();
  const begun = performance.now();
  await mock.close();
  expect(await patient.left).toBe('manager-gone');
  expect(performance.now() - begun).toBeGreaterThan(500);
});

test('when the process that started it is gone, it leaves though the core answers', async () => {
  const orphan = serve({ parent: process.ppid + 1 });
  expect(await orphan.left).toBe('manager-gone');
  expect(existsSync(`${socket}.${(await mock.registered).uuid}`)).toBe(false);
});

describe('the client of the core', () => {
  test('every call, against answers that are known', async () => {
    await mock.close();
    mock = await MockManager.start({
      socket,
      options: { verbose: 'true' },
      query: (sql) => {
        if (sql !== 'SELECT 1 AS one') throw new Error('no such table: x');
        return [{ one: '1' }];
      },
    });
    const manager = new Manager(socket);
    await manager.ping();
    expect(await manager.options()).toEqual(new Map([['verbose', 'true']]));
    expect(await manager.query('SELECT 1 AS one')).toEqual([{ one: '1' }]);
    expect(await manager.getQueryColumns('SELECT 1 AS one')).toEqual([{ one: '1' }]);
    await expect(manager.query('SELECT * FROM x')).rejects.toMatchObject({
      code: 'OSQUERY_QUERY',
      message: expect.stringContaining('no such table: x'),
    });
    const uuid = await manager.registerExtension({ name: 'a', version: '1' }, {});
    expect(await manager.extensions()).toEqual(new Map([[uuid, { name: 'a', version: '1' }]]));
    await expect(manager.registerExtension({ name: 'a', version: '1' }, {})).rejects.toMatchObject({
      code: 'OSQUERY_REFUSED',
    });
    await manager.deregisterExtension(uuid);
    await expect(manager.deregisterExtension(uuid)).rejects.toMatchObject({
      code: 'OSQUERY_REFUSED',
    });
  });

  test('it waits for a core that is starting, if told to', async () => {
    await mock.close();
    await expect(new Manager(socket).ping()).rejects.toMatchObject({ code: 'OSQUERY_SOCKET' });
    const patient = new Manager(socket, { connectMs: 10_000 }).ping();
    await sleep(100);
    mock = await MockManager.start({ socket });
    await patient;
  });

  test.each<[string, (send: (bytes: Buffer) => void, end: () => void) => void, string]>([
    ['says nothing', () => {}, 'OSQUERY_SOCKET'],
    ['closes', (_, end) => end(), 'OSQUERY_SOCKET'],
    ['is no Thrift', (send) => send(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')), 'PROTOCOL'],
    [
      'answers another call',
      (send) => send(Buffer.from('80010002000000047175657200000000' + '00', 'hex')),
      'PROTOCOL',
    ],
    [
      'declares a string of 2 GB',
      (send) =>
        send(Buffer.from('800100020000000470696e670000000' + '00c00000b00027fffffff', 'hex')),
      'PROTOCOL',
    ],
  ])('an error of its own for a core that %s', async (_, answer, code) => {
    await mock.close();
    const server = createServer((client) => {
      client.on('error', () => {});
      client.on('data', () =>
        answer(
          (bytes) => client.write(bytes),
          () => client.destroy(),
        ),
      );
    });
    await new Promise<void>((resolve) => server.listen(socket, resolve));
    try {
      await expect(new Manager(socket, { timeoutMs: 300 }).ping()).rejects.toMatchObject({ code });
    } finally {
      await new Promise((resolve) => server.close(resolve));
      mock = await MockManager.start({ socket });
    }
  });
});

describe('a table that waits for its rows', () => {
  const spec = defineTable({
    name: 'slow',
    description: 'Rows of another service.',
    evented: false,
    columns: [{ name: 'n', type: 'INTEGER', description: 'A number.' }],
    examples: [],
  });

  test('as they come, or as a promise of all; an error of it is the call’s', async () => {
    const all = { ...spec, name: 'at_once' };
    const failing = { ...spec, name: 'failing' };
    serve({
      tables: [
        {
          spec,
          async *generate() {
            for (let n = 0; n < 100; n++) {
              if (n % 25 === 0) await sleep(1);
              yield [n];
            }
          },
        },
        { spec: all, generate: async () => [[1], [2]] },
        { spec: failing, generate: () => Promise.reject(new Error('503\nbusy')) },
      ],
    });
    const client = await mock.extension();
    expect(await client.generate('slow')).toEqual(
      Array.from({ length: 100 }, (_, n) => ({ n: String(n) })),
    );
    expect(await client.generate('at_once')).toEqual([{ n: '1' }, { n: '2' }]);
    await expect(client.generate('failing')).rejects.toThrow('503 busy');
  });

  test('it hears that nobody waits any more, and others are answered meanwhile', async () => {
    let left = false;
    let begun = false;
    serve({
      tables: [
        table,
        {
          spec,
          async generate(_, signal) {
            begun = true;
            await new Promise((resolve) => signal.addEventListener('abort', resolve));
            left = true;
            return [];
          },
        },
      ],
    });
    const { path } = await mock.extension();
    const impatient = new ExtensionClient(path, 200);
    const given = impatient.generate('slow');
    await until(() => begun);
    expect(await new ExtensionClient(path).generate('colours')).toHaveLength(2);
    await expect(given).rejects.toMatchObject({ code: 'OSQUERY_SOCKET' });
    await until(() => left);
  });

  test('an array that grows while it is sent does not break the answer', async () => {
    const live: number[][] = Array.from({ length: 50_000 }, (_, n) => [n]);
    const growing = setInterval(() => live.push([0]), 0);
    serve({ tables: [{ spec, generate: () => live }] });
    const client = await mock.extension();
    const rows = await client.generate('slow');
    clearInterval(growing);
    expect(rows.length).toBeGreaterThanOrEqual(50_000);
  });
});
