import { RingReader } from '../../tables/ring/reader.ts';
import { RingWriter, type Step } from '../../tables/ring/writer.ts';
import { makeDirectory, removeDirectories } from '../fixtures/ring-directory.ts';
import { ringRow, ringTable as spec } from '../fixtures/ring-table.ts';

afterEach(removeDirectories);

const CAPACITY = 65_536;
const FIRST = 0xfedc_ba98_7654_3210n;
const SECOND = 7n;
const INTERNAL = expect.objectContaining({ name: 'LiveAuditError', code: 'INTERNAL' });
const open = (directory: string, onStep: (step: Step) => void = () => {}) =>
  new RingWriter({ directory, spec, capacity: CAPACITY, onStep });

test('a record keeps its source, over restarts and many laps', () => {
  const directory = makeDirectory();
  let writer = open(directory);
  expect([writer.epoch, writer.lastSource]).toEqual([0n, -1]);
  const big = 2 ** 53 - 1 - 1000;
  writer.beginEpoch(FIRST);
  expect([writer.epoch, writer.lastSource]).toEqual([FIRST, -1]);
  for (let n = 0; n < 1000; n++) {
    writer.append(ringRow(n), big + n);
    expect(writer.lastSource).toBe(big + n);
    if (n % 100 !== 0) continue;
    writer.close();
    writer = open(directory);
    expect([writer.setAside, writer.epoch, writer.lastSource]).toEqual([null, FIRST, big + n]);
  }
  const sources = Array.from(new RingReader({ directory, spec }).range(), (r) => r.source);
  expect(sources).toEqual(sources.map((_, i) => big + 1000 - sources.length + i));
});

test('within an epoch the source never goes back: a row without one has that of the row before', () => {
  const directory = makeDirectory();
  const writer = open(directory);
  const row = ringRow(0);
  writer.append(row, 90); // no epoch yet
  expect(writer.lastSource).toBe(-1);
  writer.beginEpoch(FIRST);
  for (const source of [undefined, 40, undefined, 40, 30, 56]) writer.append(row, source);
  expect(writer.lastSource).toBe(56);
  writer.beginEpoch(SECOND);
  writer.append(row, 8);
  const reader = new RingReader({ directory, spec });
  expect(Array.from(reader.range(), (r) => r.source)).toEqual([90, 0, 40, 40, 40, 40, 56, 8]);
});

test('a source that is no position is refused', () => {
  const writer = open(makeDirectory());
  for (const source of [1.5, Number.NaN, 2 ** 53, -8]) {
    expect(() => writer.append(ringRow(0), source)).toThrow(
      expect.objectContaining({ code: 'RING_ROW' }),
    );
  }
  expect(writer.head).toBe(0);
});

test('records of an earlier epoch have no say in where to go on', () => {
  const directory = makeDirectory();
  let writer = open(directory);
  writer.beginEpoch(FIRST);
  writer.append(ringRow(0), 4096);
  writer.beginEpoch(SECOND);
  expect(writer.lastSource).toBe(-1);
  writer.close();
  writer = open(directory);
  expect([writer.epoch, writer.lastSource]).toEqual([SECOND, -1]);
  writer.beginEpoch(SECOND);
  writer.append(ringRow(1), 16);
  writer.beginEpoch(SECOND); // the same: goes on
  expect(writer.lastSource).toBe(16);
});

test('totals count from the beginning of their epoch, whoever is the writer', () => {
  const directory = makeDirectory();
  let writer = open(directory);
  expect(() => writer.setTotal('events_seen', 1)).toThrow(INTERNAL);
  writer.count('lost_store', 3);
  writer.beginEpoch(FIRST);
  writer.setTotal('events_seen', 10);
  writer.setTotal('events_seen', 10);
  writer.setTotal('lost_store', 1);
  writer.close();
  writer = open(directory);
  writer.setTotal('events_seen', 12);
  expect(writer.ledger()).toMatchObject({ events_seen: 12, lost_store: 4 });
  writer.beginEpoch(SECOND);
  writer.setTotal('events_seen', 5);
  writer.setTotal('lost_store', 0);
  expect(writer.ledger()).toMatchObject({ events_seen: 17, lost_store: 4 });
  for (const total of [-1, 0.5, Number.NaN]) {
    expect(() => writer.setTotal('events_seen', total)).toThrow(INTERNAL);
  }
  for (const id of [0n, -1n, 2n ** 64n]) expect(() => writer.beginEpoch(id)).toThrow(INTERNAL);
  expect(writer.epoch).toBe(SECOND);
});

/** Ends the writer at the k-th step of beginning the second epoch; null where there are fewer steps. */
function endAt(k: number, directory: string): RingWriter | null {
  let steps = Number.NEGATIVE_INFINITY;
  const writer = open(directory, () => {
    if (++steps === k) throw new Error('end');
  });
  writer.beginEpoch(FIRST);
  writer.append(ringRow(0), 160);
  writer.count('lost_store', 2);
  writer.setTotal('events_seen', 3);
  steps = 0;
  try {
    writer.beginEpoch(SECOND);
  } catch (error) {
    expect(String(error)).toBe('Error: end');
    return writer;
  }
  writer.close();
  return null;
}

test('a writer that ends at any step of a beginning leaves no epoch, or a whole one', () => {
  let k = 1;
  for (; ; k++) {
    const directory = makeDirectory();
    const writer = endAt(k, directory);
    if (writer === null) break;
    writer.close();
    const next = open(directory);
    expect(next.setAside).toBeNull();
    expect([0n, SECOND]).toContain(next.epoch);
    // Nothing of the second epoch was stored or counted yet: all of it is still to come, and counts once.
    expect(next.lastSource).toBe(-1);
    next.beginEpoch(SECOND);
    next.setTotal('events_seen', 5);
    expect(next.ledger()).toMatchObject({ events_seen: 8, lost_store: 2, events_stored: 1 });
    next.append(ringRow(1), 24);
    next.close();
    const after = open(directory);
    expect([after.epoch, after.lastSource]).toEqual([SECOND, 24]);
    after.close();
  }
  expect(k).toBe(36); // no epoch, eid, 32 bases, epoch
});
