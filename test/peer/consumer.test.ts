/** Named consumers as osquery asks for them: over the socket, by SQL. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serveExtension } from '../../extension/sdk/extension.ts';
import { defineTable } from '../../extension/sdk/spec.ts';
import { EventTable } from '../../tables/event-table.ts';
import { RingWriter } from '../../tables/ring/writer.ts';
import { Peer } from './peer.ts';

const spec = defineTable({
  name: 'events',
  description: '',
  evented: true,
  examples: [],
  columns: [
    { name: 'eid', type: 'BIGINT', description: '', push: 'range' },
    { name: 'time', type: 'BIGINT', description: '', push: 'range' },
    { name: 'time_ns', type: 'BIGINT', description: '', push: 'range' },
    { name: 'command', type: 'TEXT', description: '' },
  ],
});

test('each event once for each name; an answer that osquery has read does not come again', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'consumer-'));
  const peer = await Peer.start();
  const abort = new AbortController();
  const writer = new RingWriter({ directory, spec, capacity: 2 ** 20 });
  const table = new EventTable(directory, spec);
  let n = 0;
  const append = (count: number) => {
    for (let i = 0; i < count; i++, n++) writer.append([null, n, BigInt(n), `command ${n}`]);
  };
  const ask = async (name: string) => {
    const sql = `SELECT command FROM events WHERE consumer = '${name}'`;
    return (await peer.sql(sql)).rows.map(({ command }) => command);
  };
  let registered = () => {};
  const ready = new Promise<void>((resolve) => {
    registered = resolve;
  });
  const left = serveExtension({
    socket: peer.socket,
    name: 'consumers',
    version: '1',
    tables: [table],
    timeout: 2,
    interval: 1,
    log: () => {},
    signal: abort.signal,
    onRegistered: () => registered(),
  });
  try {
    await ready;
    append(3);
    expect(await ask('soc')).toEqual(['command 0', 'command 1', 'command 2']);
    append(2);
    expect(await ask('soc')).toEqual(['command 3', 'command 4']);
    expect(await ask('soc')).toEqual([]);
    expect(await ask('other')).toHaveLength(5);
    // Without a name nothing is had, and the column is NULL.
    expect((await peer.sql('SELECT count(*) AS n, count(consumer) AS c FROM events')).rows).toEqual(
      [{ n: '5', c: '0' }],
    );
    await expect(ask('../x')).rejects.toThrow('the name');
  } finally {
    abort.abort();
    await left;
    table.close();
    writer.close();
    await peer.stop();
    rmSync(directory, { recursive: true });
  }
});
