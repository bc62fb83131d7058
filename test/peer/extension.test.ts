import { existsSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Table } from '../../extension/sdk/context.ts';
import { type LeaveReason, serveExtension } from '../../extension/sdk/extension.ts';
import { Manager } from '../../extension/sdk/manager.ts';
import { Peer } from './peer.ts';
import { failing, failsLate, LARGE_ROWS, large, small } from './sample-tables.ts';

interface Running {
  readonly left: Promise<LeaveReason>;
  readonly abort: AbortController;
  readonly log: string[];
  /** The uuid of the nth registration. */
  registered(n: number): Promise<number>;
}

const running: Running[] = [];
let peer: Peer;

function serve(
  tables: readonly Table[],
  options: { name?: string; timeout?: number } = {},
): Running {
  const abort = new AbortController();
  const log: string[] = [];
  const uuids: number[] = [];
  const left = serveExtension({
    socket: peer.socket,
    name: options.name ?? 'extension_under_test',
    version: '1.0',
    tables,
    timeout: options.timeout ?? 2,
    interval: 0.3,
    log: (line) => log.push(line),
    signal: abort.signal,
    onRegistered: (uuid) => uuids.push(uuid),
  });
  left.catch(() => {});
  const registered = async (n: number): Promise<number> => {
    for (;;) {
      const uuid = uuids[n - 1];
      if (uuid !== undefined) return uuid;
      await Promise.race([sleep(10), left.then(() => Promise.reject(new Error(log.join('; '))))]);
    }
  };
  const one = { left, abort, log, registered };
  running.push(one);
  return one;
}

beforeEach(async () => {
  peer = await Peer.start(0.3);
});

afterEach(async () => {
  for (const { abort, left } of running.splice(0)) {
    abort.abort();
    await left.catch(() => {});
  }
  await peer.stop();
});

test('is registered under its name, answers SQL, and its socket is closed to others', async () => {
  const extension = serve([small]);
  const uuid = await extension.registered(1);
  expect((await peer.extensions())[uuid]).toEqual({
    name: 'extension_under_test',
    version: '1.0',
  });
  expect((await peer.sql('SELECT c0, c1, c1 IS NULL AS missing FROM small')).rows).toEqual([
    { c0: 'a', c1: '1', missing: '0' },
    { c0: 'é\u{1f600}', c1: '', missing: '1' },
  ]);
  expect(statSync(`${peer.socket}.${uuid}`).mode & 0o777).toBe(0o600);
});

test('the manager client asks the core', async () => {
  await serve([small]).registered(1);
  const manager = new Manager(peer.socket);
  await manager.ping();
  expect(await manager.query('SELECT count(*) AS n FROM small')).toEqual([{ n: '2' }]);
  expect(await manager.getQueryColumns('SELECT c0 FROM small')).toEqual([{ c0: 'TEXT' }]);
  expect((await manager.options()).get('extensions_socket')).toBe(peer.socket);
  expect([...(await manager.extensions()).values()].map((e) => e.name).sort()).toEqual([
    'core',
    'extension_under_test',
  ]);
  await expect(manager.query('SELECT x FROM nowhere')).rejects.toMatchObject({
    code: 'OSQUERY_QUERY',
    message: expect.stringContaining('nowhere'),
  });
});

test('pings are answered while 100,000 rows of 20 columns are served', async () => {
  const extension = serve([large]);
  const uuid = await extension.registered(1);
  const { rows, bytes, seconds, latencies } = await peer.drainAndPing(uuid, 'large');
  const p99 = latencies[Math.floor(latencies.length * 0.99)] ?? Number.NaN;
  process.stdout.write(
    `100k × 20: ${(bytes / 1e6).toFixed(0)} MB in ${seconds.toFixed(2)} s; ` +
      `${latencies.length} pings, p99 ${(p99 * 1000).toFixed(1)} ms\n`,
  );
  expect(rows).toBe(LARGE_ROWS);
  expect(p99).toBeLessThan(1);
});

test('concurrent queries each get their own answer', async () => {
  await serve([small]).registered(1);
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, i) => peer.sql(`SELECT c0, ${i} AS i FROM small LIMIT 1`)),
  );
  expect(answers.map(({ rows }) => rows)).toEqual(
    Array.from({ length: 20 }, (_, i) => [{ c0: 'a', i: String(i) }]),
  );
});

test('an exception in a table is one line of that call, and the next call works', async () => {
  const extension = serve([failing, failsLate, small]);
  const uuid = await extension.registered(1);
  expect(await peer.call(uuid, 'table', 'failing', { action: 'generate' })).toMatchObject({
    code: 1,
    message: 'the disk is on fire',
    rows: [],
  });
  await expect(peer.sql('SELECT * FROM fails_late')).rejects.toThrow('after 1000 rows');
  expect((await peer.sql('SELECT count(*) AS n FROM small')).rows).toEqual([{ n: '2' }]);
});

test('what it does not have or cannot read is refused with code 1', async () => {
  const uuid = await serve([small]).registered(1);
  const refused = async (registry: string, item: string, request: { [key: string]: string }) => {
    const { code, message } = await peer.call(uuid, registry, item, request);
    expect(code).toBe(1);
    return message;
  };
  expect(await refused('table', 'nothing', { action: 'columns' })).toContain('"nothing"');
  expect(await refused('logger', 'small', { action: 'columns' })).toContain('"logger"');
  expect(await refused('table', 'small', { action: 'upsert' })).toContain('"upsert"');
  expect(await refused('table', 'small', {})).toContain('no action');
  expect(await refused('table', 'small', { action: 'generate', context: '{' })).toContain('JSON');
});

test('a second extension of the same name, or with the same table, is refused', async () => {
  await serve([small]).registered(1);
  await expect(serve([large], { timeout: 0.1 }).left).rejects.toMatchObject({
    code: 'OSQUERY_REFUSED',
    message: expect.stringContaining('Duplicate extension'),
  });
  await expect(serve([small], { name: 'other', timeout: 0.1 }).left).rejects.toMatchObject({
    code: 'OSQUERY_REFUSED',
    message: expect.stringContaining('Registry item small conflicts'),
  });
});

test('deregistered behind its back, it registers again and serves', async () => {
  const extension = serve([small]);
  const first = await extension.registered(1);
  await peer.forget(first);
  await expect(peer.sql('SELECT * FROM small')).rejects.toThrow('no such table');
  const second = await extension.registered(2);
  expect((await peer.sql('SELECT count(*) AS n FROM small')).rows).toEqual([{ n: '2' }]);
  for (let i = 0; i < 100 && first !== second && existsSync(`${peer.socket}.${first}`); i++) {
    await sleep(10);
  }
  expect(existsSync(`${peer.socket}.${first}`)).toBe(first === second);
});

test('asked to shut down, it answers, leaves, and its socket file is gone', async () => {
  const extension = serve([small]);
  const uuid = await extension.registered(1);
  await peer.shutdown(uuid);
  expect(await extension.left).toBe('shutdown');
  expect(existsSync(`${peer.socket}.${uuid}`)).toBe(false);
});

test('aborted by its caller, it leaves and its socket file is gone', async () => {
  const extension = serve([small]);
  const uuid = await extension.registered(1);
  extension.abort.abort();
  expect(await extension.left).toBe('aborted');
  expect(existsSync(`${peer.socket}.${uuid}`)).toBe(false);
});

test('when the core is killed, it leaves', async () => {
  const extension = serve([small]);
  const uuid = await extension.registered(1);
  peer.process.kill('SIGKILL');
  expect(await extension.left).toBe('manager-gone');
  expect(existsSync(`${peer.socket}.${uuid}`)).toBe(false);
});

test('when the core is stopped, it waits a few looks and leaves', async () => {
  const extension = serve([small]);
  await extension.registered(1);
  peer.process.kill('SIGSTOP');
  expect(await extension.left).toBe('manager-gone');
  expect(extension.log.filter((line) => line.includes('no answer'))).toHaveLength(3);
  peer.process.kill('SIGCONT');
});

test('it waits for a core that is not there yet, and says so when it never comes', async () => {
  const promise = serveExtension({
    socket: `${peer.socket}.absent`,
    name: 'x',
    version: '1',
    tables: [small],
    timeout: 0.3,
    interval: 1,
    log: () => {},
  });
  await expect(promise).rejects.toMatchObject({
    code: 'OSQUERY_SOCKET',
    message: expect.stringContaining('no such socket'),
  });
});
