/** An extension that stands still for a while, as on a machine that swaps or sleeps, and one that is killed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { Peer } from './peer.ts';

const LOOK_MS = 20;

let peer: Peer;
const children: ChildProcess[] = [];

interface Sample {
  readonly child: ChildProcess;
  /** The uuid of the first registration. */
  registered(): Promise<number>;
}

function start(): Sample {
  const child = spawn(process.execPath, [join(__dirname, 'sample-extension.ts'), peer.socket], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  return { child, registered: async () => Number((await lines.next()).value) };
}

async function gone(): Promise<void> {
  const names = async () => Object.values(await peer.extensions()).map(({ name }) => name);
  while ((await names()).includes('sample')) await sleep(LOOK_MS);
}

const count = async () => (await peer.sql('SELECT count(*) AS n FROM numbers')).rows;

/** On a slow machine a ping may fail now and then, and the extension comes again. */
async function served(): Promise<unknown> {
  for (;;) {
    const rows = await count().catch(() => undefined);
    if (rows !== undefined) return rows;
    await sleep(LOOK_MS);
  }
}

beforeEach(async () => {
  peer = await Peer.start(0.2, 0.5);
});

afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  await peer.stop();
});

test('stopped until the core gives it up, it registers again when it goes on', async () => {
  const { child, registered } = start();
  await registered();
  expect(await served()).toEqual([{ n: '3' }]);
  child.kill('SIGSTOP');
  await gone();
  await expect(count()).rejects.toThrow('no such table');
  child.kill('SIGCONT');
  expect(await served()).toEqual([{ n: '3' }]);
});

test('killed, it leaves a socket file; the next one of its name serves all the same', async () => {
  const before = start();
  const first = await before.registered();
  before.child.kill('SIGKILL');
  await once(before.child, 'exit');
  expect(existsSync(`${peer.socket}.${first}`)).toBe(true);
  // It is refused as a twin until the core has noticed.
  start();
  expect(await served()).toEqual([{ n: '3' }]);
});
