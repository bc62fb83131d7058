import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { Manager } from '../../extension/sdk/manager.ts';
import { PluginSet } from '../../extension/sdk/plugin-set.ts';
import { ExtensionServer } from '../../extension/sdk/server.ts';
import { BinaryWriter } from '../../extension/sdk/thrift/binary-writer.ts';
import { MessageType, Type } from '../../extension/sdk/thrift/wire.ts';

let directory: string;
let server: ExtensionServer;
let log: string[];
let generated = 0;
let iteratorsEnded = 0;

const plugin = new PluginSet([
  {
    spec: {
      name: 't',
      description: '',
      evented: false,
      examples: [],
      columns: [{ name: 'c', type: 'TEXT', description: '' }],
    },
    *generate() {
      const row = ['x'.repeat(1000)];
      try {
        for (let i = 0; i < 50_000; i++) {
          generated += 1;
          yield row;
        }
      } finally {
        iteratorsEnded += 1;
      }
    },
  },
]);

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'sdk-server-'));
  log = [];
  const path = join(directory, 's.1');
  server = new ExtensionServer({
    path,
    uuid: 1,
    plugin,
    log: (line) => log.push(line),
    onShutdown: () => {},
  });
  await server.listen();
});

afterEach(async () => {
  await server.close();
  rmSync(directory, { recursive: true, force: true });
});

/** The manager's client speaks the same `ping`. */
const ping = (): Promise<void> => new Manager(server.path, { timeoutMs: 5000 }).ping();

const closed = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    socket.on('error', () => {});
    socket.on('close', () => resolve());
    socket.resume();
  });

const pingBytes = message('ping', () => {});
const generateBytes = message('call', (out) => {
  out.writeFieldBegin('registry', Type.STRING, 1);
  out.writeString('table');
  out.writeFieldBegin('item', Type.STRING, 2);
  out.writeString('t');
  out.writeFieldBegin('request', Type.MAP, 3);
  out.writeMapBegin(Type.STRING, Type.STRING, 1);
  out.writeString('action');
  out.writeString('generate');
});

function message(method: string, fields: (out: BinaryWriter) => void): Buffer {
  const out = new BinaryWriter();
  out.writeMessageBegin(method, MessageType.CALL, 1);
  fields(out);
  out.writeFieldStop();
  return Buffer.from(out.bytes);
}

test('any bytes close that connection at most, and the next client is answered', async () => {
  const damaged = fc
    .tuple(
      fc.constantFrom(
        pingBytes,
        message('no_such_method', () => {}),
        message('shutdown', () => {}),
      ),
      fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 4 }),
    )
    .map(([bytes, changes]) => {
      const copy = Buffer.from(bytes);
      for (const [at, value] of changes) copy[at % copy.length] = value;
      return copy;
    });
  const random = fc.uint8Array({ minLength: 1, maxLength: 200 }).map((bytes) => Buffer.from(bytes));
  await fc.assert(
    fc.asyncProperty(fc.oneof(random, damaged), async (bytes) => {
      const socket = connect(server.path);
      const gone = closed(socket);
      socket.end(bytes);
      await gone;
      await ping();
    }),
    { numRuns: 300 },
  );
});

test('a request that is not Thrift is closed at once, with one line in the log', async () => {
  const socket = connect(server.path);
  const gone = closed(socket);
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  await gone;
  expect(log).toEqual([expect.stringContaining('closed a client')]);
});

test('a request that never ends is closed at its limit', async () => {
  const socket = connect(server.path);
  const gone = closed(socket);
  // A string of 15 MiB, then another: over 16 MiB together.
  const length = Buffer.alloc(4);
  length.writeInt32BE(15 * 1024 * 1024);
  const field = (id: number) => Buffer.concat([Buffer.from([Type.STRING, 0, id]), length]);
  const body = Buffer.alloc(15 * 1024 * 1024);
  socket.write(Buffer.concat([pingBytes.subarray(0, -1), field(1), body, field(2)]));
  await gone;
  await ping();
  expect(log).toEqual([expect.stringContaining('over 16777216 bytes')]);
});

test('thousands of idle connections do not lock the core out', async () => {
  const sockets: Socket[] = [];
  let ended = 0;
  for (let i = 0; i < 2000; i++) {
    const socket = connect(server.path);
    socket.on('error', () => {});
    socket.on('close', () => {
      ended += 1;
    });
    socket.resume();
    sockets.push(socket);
    if (i % 200 === 0) await ping();
  }
  await ping();
  for (let i = 0; i < 500 && ended < 1700; i++) await sleep(10);
  expect(ended).toBeGreaterThanOrEqual(1700);
  for (const socket of sockets) socket.destroy();
});

test('a client that leaves in the middle of an answer ends the iteration', async () => {
  generated = 0;
  iteratorsEnded = 0;
  const socket = connect(server.path);
  socket.on('error', () => {});
  socket.write(generateBytes);
  while (generated === 0) await sleep(1);
  socket.destroy();
  for (let i = 0; i < 500 && iteratorsEnded === 0; i++) await sleep(10);
  expect(iteratorsEnded).toBe(1);
  await ping();
});

test('clients that do not read their answers do not fill the memory, and close does not wait', async () => {
  const sockets = Array.from({ length: 20 }, () => {
    const socket = connect(server.path);
    socket.pause();
    socket.on('error', () => {});
    socket.write(generateBytes);
    return socket;
  });
  // 20 answers of 50 MB: the budget refuses those over 512 MiB.
  for (let i = 0; i < 1000 && log.length === 0; i++) await sleep(10);
  expect(log[0]).toContain("table 't': no memory for");
  await ping();
  const begun = performance.now();
  await server.close();
  expect(performance.now() - begun).toBeLessThan(3000);
  for (const socket of sockets) socket.destroy();
});

test('a client that is silent, and one that does not read its answer, are closed in time', async () => {
  await server.close();
  const idleMs = 100;
  const options = { path: server.path, uuid: 1, plugin, log: () => {}, onShutdown: () => {} };
  server = new ExtensionServer({ ...options, idleMs });
  await server.listen();
  const silent = connect(server.path);
  const gone = closed(silent);
  const deaf = connect(server.path);
  deaf.pause();
  deaf.on('error', () => {});
  iteratorsEnded = 0;
  deaf.write(generateBytes);
  await gone;
  while (iteratorsEnded === 0) await sleep(10);
  await sleep(5 * idleMs);
  // It was cut off in the middle: what it can still read is less than the answer.
  let read = 0;
  const end = closed(deaf);
  deaf.on('data', (chunk: Buffer) => {
    read += chunk.length;
  });
  await end;
  expect(read).toBeLessThan(50_000_000);
});

test('pipelined requests are answered in order', async () => {
  const socket = connect(server.path);
  const names = ['ping', 'no_such', 'ping', 'other', 'ping'];
  socket.write(Buffer.concat(names.map((name) => message(name, () => {}))));
  let received = '';
  socket.on('data', (chunk: Buffer) => {
    received += chunk.toString('latin1');
  });
  for (let i = 0; i < 300 && (received.match(/ping/g)?.length ?? 0) < 3; i++) await sleep(10);
  socket.destroy();
  expect(received.match(/ping|no_such|other/g)?.filter((x, i, a) => x !== a[i - 1])).toEqual(names);
});
