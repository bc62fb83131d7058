import { renameSync, truncateSync } from 'node:fs';
import { RingReader } from '../../tables/ring/reader.ts';
import { RingWriter } from '../../tables/ring/writer.ts';
import { makeDirectory, removeDirectories } from '../fixtures/ring-directory.ts';
import { ringRow, ringTable as spec, TEXT, TIME_NS } from '../fixtures/ring-table.ts';

afterEach(removeDirectories);

const CAPACITY = 65_536;
const EPOCH = 1_800_000_000_000_000_000n;

function open(capacity = CAPACITY) {
  const directory = makeDirectory();
  const writer = new RingWriter({ directory, spec, capacity });
  const reader = new RingReader({ directory, spec });
  return { directory, writer, reader, first: writer.nextEid };
}
const append = (writer: RingWriter, from: number, to: number) => {
  for (let n = from; n < to; n++) writer.append(ringRow(n));
};
const eids = (records: Iterable<{ eid: number }>) => Array.from(records, ({ eid }) => eid);

test('a missing file is an empty ring that comes alive', () => {
  const directory = makeDirectory();
  const reader = new RingReader({ directory, spec });
  expect(eids(reader.range())).toEqual([]);
  expect(eids(reader.newestFirst())).toEqual([]);
  expect([reader.damage, reader.head, reader.lastEid()]).toEqual([null, 0, undefined]);
  expect(reader.ledger().events_seen).toBe(0);
  expect(reader.refresh()).toBe(false);
  const writer = new RingWriter({ directory, spec, capacity: CAPACITY });
  const eid = writer.append(ringRow(1));
  expect(reader.refresh()).toBe(true);
  expect(eids(reader.range())).toEqual([eid]);
  expect(reader.refresh()).toBe(false);
});

test('refresh finds the file that replaced the mapped one; an iteration goes on in the old one', () => {
  const { directory, writer, reader, first } = open();
  append(writer, 0, 100);
  const old = reader.range();
  expect(old.next().value?.eid).toBe(first);
  renameSync(writer.path, `${writer.path}.away`);
  expect(reader.refresh()).toBe(false);
  expect(eids(reader.range())).toHaveLength(100);
  const next = new RingWriter({ directory, spec, capacity: CAPACITY });
  const eid = next.append(ringRow(0));
  expect(reader.refresh()).toBe(true);
  expect(eids(reader.range())).toEqual([eid]);
  expect(eids(old)).toHaveLength(99);
});

test('bytes gives the UTF-8 of a text, null for NULL and for other types', () => {
  const { writer, reader } = open();
  const row = ringRow(1);
  row[TEXT] = 'Ŝelo 🐚';
  writer.append(row);
  row[TEXT] = null;
  writer.append(row);
  const texts = Array.from(reader.range(), (record) => {
    expect(record.bytes(TIME_NS)).toBeNull();
    expect(record.timeNs).toBe(EPOCH + 1n);
    return [record.isNull(TEXT), record.bytes(TEXT)?.toString()];
  });
  expect(texts).toEqual([
    [false, Buffer.from('Ŝelo 🐚').toString()],
    [true, undefined],
  ]);
});

test('the index survives many overwrites, looked at seldom or often', () => {
  const { writer, reader, first } = open();
  let n = 0;
  for (const lap of [10, 700, 3, 1, 5000, 64, 128, 2, 20_000, 1]) {
    append(writer, n, n + lap);
    n += lap;
    const all = eids(reader.range());
    expect(all.at(-1)).toBe(first + n - 1);
    expect(all.length).toBe(writer.ledger().events_stored - writer.ledger().overwritten);
    expect(eids(reader.newestFirst())).toEqual(all.toReversed());
    expect(eids(reader.range({ fromEid: first + n - 5 }))).toEqual(all.slice(-5));
    const fromTimeNs = EPOCH + BigInt(n - 9);
    expect(eids(reader.range({ fromTimeNs, toTimeNs: fromTimeNs + 2n }))).toEqual(
      all.slice(-9, -6),
    );
  }
  expect(reader.overtaken).toBe(0);
});

test('a time range finds late rows among times that are only roughly ordered', () => {
  const { writer, reader, first } = open(2 ** 22);
  for (let n = 0; n < 10_000; n++) {
    const row = ringRow(n, 10);
    if (n === 6000) row[TIME_NS] = EPOCH + 12n;
    writer.append(row);
  }
  const range = { fromTimeNs: EPOCH + 11n, toTimeNs: EPOCH + 13n };
  const wanted = [11, 12, 13, 6000].map((n) => first + n);
  expect(eids(reader.range(range))).toEqual(wanted);
  expect(eids(reader.newestFirst(range))).toEqual(wanted.toReversed());
});

test('records overwritten during an iteration are counted, and none is given torn', () => {
  for (const direction of ['range', 'newestFirst'] as const) {
    const { writer, reader, first } = open(2 ** 20);
    append(writer, 0, 2000);
    const seen: number[] = [];
    for (const record of reader[direction]()) {
      seen.push(record.eid);
      if (seen.length === 500) append(writer, 2000, 5000);
    }
    const wanted = Array.from({ length: 2000 }, (_, i) => first + i);
    if (direction === 'newestFirst') wanted.reverse();
    expect(wanted).toEqual(expect.arrayContaining(seen));
    expect(seen.slice(0, 500)).toEqual(wanted.slice(0, 500));
    expect(seen.length).toBeLessThan(2000);
    expect(seen.length + reader.overtaken).toBe(2000);
    expect(reader.damage).toBeNull();
  }
});

test('a time-bounded iteration counts what is overwritten between its blocks', () => {
  for (const direction of ['range', 'newestFirst'] as const) {
    const { writer, reader } = open(2 ** 20);
    append(writer, 0, 2000);
    let given = 0;
    for (const _ of reader[direction]({ fromTimeNs: EPOCH })) {
      if (++given !== 500) continue;
      append(writer, 2000, 9000);
      // Another query moves the index on meanwhile.
      expect(eids(reader.range()).length).toBeGreaterThan(0);
    }
    expect(given + reader.overtaken).toBe(2000);
    expect(reader.damage).toBeNull();
  }
});

test('a file cut while it is mapped is damage, not a crash', () => {
  const { writer, reader } = open();
  append(writer, 0, 100);
  expect(eids(reader.range())).toHaveLength(100);
  truncateSync(writer.path, 8192);
  expect(eids(reader.range({ fromEid: 0 }))).toEqual([]);
  expect(reader.damage).toBe('the file was cut');
  expect(reader.lastEid()).toBeUndefined();
});
