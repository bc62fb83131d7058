import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { defineTable } from '../../extension/sdk/spec.ts';
import type { Cell } from '../../tables/event.ts';
import { unaccounted } from '../../tables/ring/ledger.ts';
import { RingReader } from '../../tables/ring/reader.ts';
import { RingWriter } from '../../tables/ring/writer.ts';
import { makeDirectory, removeDirectories } from '../fixtures/ring-directory.ts';
import { ringRow, ringTable as spec, TEXT } from '../fixtures/ring-table.ts';

afterEach(removeDirectories);

const CAPACITY = 65_536;
const HEADER = 4096;
const open = (directory: string) => new RingWriter({ directory, spec, capacity: CAPACITY });
const failure = (code: string) => expect.objectContaining({ name: 'LiveAuditError', code });

test("a new ring is its owner's alone, and its eids begin at the clock", () => {
  const directory = makeDirectory();
  const before = Date.now() * 1000;
  const writer = open(directory);
  expect(writer.setAside).toBeNull();
  expect(readdirSync(directory)).toEqual(['ring_test.ring']);
  expect(statSync(writer.path).mode & 0o777).toBe(0o600);
  expect(statSync(writer.path).size).toBe(HEADER + CAPACITY);
  const eid = writer.append(ringRow(0));
  expect(eid).toBeGreaterThanOrEqual(before);
  expect(eid).toBeLessThanOrEqual(Date.now() * 1000);
  expect(writer.append(ringRow(1))).toBe(eid + 1);
});

test('a text may be bytes that are UTF-8', () => {
  const directory = makeDirectory();
  const writer = open(directory);
  const bytes = (text: string) => new TextEncoder().encode(text);
  const eid = writer.append([null, 5, null, bytes('ls ü'), 0.5, bytes(''), null]);
  const [record] = Array.from(new RingReader({ directory, spec }).range(), (r) => r.values());
  expect(record).toEqual([eid, 5, null, 'ls ü', 0.5, '', null]);
});

test('a ring takes no size but a power of two within its limits', () => {
  for (const capacity of [0, 4096, 65_537, 100_000, 2 ** 33, Number.NaN]) {
    expect(() => new RingWriter({ directory: makeDirectory(), spec, capacity })).toThrow(
      failure('RING_SIZE'),
    );
  }
});

test('a row that cannot be stored throws, and changes nothing', () => {
  const directory = makeDirectory();
  const writer = open(directory);
  const kept = writer.append(ringRow(0));
  const wrong: [number, Cell][] = [
    [TEXT, new Uint8Array(CAPACITY / 4)],
    [TEXT, 1n],
    [1, new Uint8Array(1)],
    [TEXT, 'x'.repeat(CAPACITY / 4)],
    [TEXT, 'x'.repeat(2 ** 22)],
    [TEXT, 7],
    [1, null],
    [1, 'now'],
    [1, 2n ** 63n],
    [2, 1.5],
    [2, Number.NaN],
    [2, 2 ** 53],
    [4, 'half'],
    [4, 1n],
  ];
  for (const [column, value] of wrong) {
    const row: Cell[] = ringRow(1);
    row[column] = value;
    expect(() => writer.append(row)).toThrow(failure('RING_ROW'));
  }
  expect(writer.append(ringRow(1))).toBe(kept + 1);
  expect(writer.ledger().events_stored).toBe(2);
  const reader = new RingReader({ directory, spec });
  expect(Array.from(reader.range(), (r) => r.value(TEXT))).toEqual([
    ringRow(0)[TEXT],
    ringRow(1)[TEXT],
  ]);
});

test('the longest row fits, and the one before it stays', () => {
  const directory = makeDirectory();
  const writer = open(directory);
  const reader = new RingReader({ directory, spec });
  const row = ringRow(0).with(TEXT, '');
  writer.append(row);
  const room = CAPACITY / 4 - writer.head;
  for (let i = 0; i < 20; i++) {
    const eid = writer.append(row.with(TEXT, 'x'.repeat(room)));
    expect(Array.from(reader.range(), (r) => r.eid)).toEqual(
      expect.arrayContaining([eid - 1, eid]),
    );
  }
  expect(() => writer.append(row.with(TEXT, 'x'.repeat(room + 8)))).toThrow(failure('RING_ROW'));
});

test('the ledger goes on over restarts, and says what an earlier writer took with it', () => {
  const directory = makeDirectory();
  let writer = open(directory);
  writer.count('events_seen', 5);
  writer.count('lost_decode');
  writer.count('lost_reserve', 2);
  writer.append(ringRow(0));
  writer.close();
  writer = open(directory);
  writer.count('lost_decode', 3);
  expect(writer.ledger()).toMatchObject({
    events_seen: 5,
    events_stored: 1,
    lost_decode: 4,
    lost_reserve: 2,
  });
  expect(new RingReader({ directory, spec }).ledger()).toEqual(writer.ledger());
  expect(unaccounted(writer.ledger())).toBe(-2);
  writer.count('events_seen', 5);
  expect(unaccounted(writer.ledger())).toBe(3);
});

test('one writer at a time', () => {
  const directory = makeDirectory();
  const writer = open(directory);
  expect(() => open(directory)).toThrow(failure('RING_BUSY'));
  writer.close();
  open(directory).close();
});

test('a link, a directory, or a file of another owner is not opened', () => {
  const directory = makeDirectory();
  const path = join(directory, 'ring_test.ring');
  symlinkSync('/dev/null', path);
  expect(() => open(directory)).toThrow(failure('RING_UNSAFE'));
  renameSync(path, join(directory, 'link'));
  mkdirSync(path);
  expect(() => open(directory)).toThrow(failure('RING_IO'));
  renameSync(path, join(directory, 'directory'));
  spawnSync('mkfifo', [path]);
  expect(() => open(directory)).toThrow(failure('RING_UNSAFE'));
  renameSync(path, join(directory, 'fifo'));
  const writer = open(directory);
  writer.close();
  if (process.geteuid?.() === 0) {
    chownSync(path, 65_534, 65_534);
    expect(() => open(directory)).toThrow(failure('RING_UNSAFE'));
    chownSync(path, 0, 0);
  }
  chmodSync(path, 0o644);
  open(directory).close();
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test('a corrupt file is kept under a name that no other has', () => {
  const directory = makeDirectory();
  const path = join(directory, 'ring_test.ring');
  for (const [i, suffix] of ['corrupt', 'corrupt.1', 'corrupt.2'].entries()) {
    writeFileSync(path, `junk ${i}`);
    const writer = open(directory);
    expect(writer.setAside).toEqual({
      path: `${path}.${suffix}`,
      reason: 'only 6 bytes',
      removed: [],
    });
    expect(readFileSync(`${path}.${suffix}`, 'latin1')).toBe(`junk ${i}`);
    writer.append(ringRow(0));
    writer.close();
    expect(open(directory).setAside).toBeNull();
    renameSync(path, `${path}.kept`);
  }
});

test('a ring of other columns or another size is set aside as old, and eids go on after it', () => {
  const directory = makeDirectory();
  const columns = spec.columns;
  const writer = open(directory);
  let last = 0;
  for (let n = 0; n < 3000; n++) last = writer.append(ringRow(n));
  writer.close();
  const other = defineTable({ ...spec, columns: [...columns.slice(0, 6), columns[2]].slice(0, 6) });
  const reader = new RingReader({ directory, spec: other });
  expect(reader.damage).toBe('other columns');
  expect([...reader.range()]).toEqual([]);
  const second = new RingWriter({ directory, spec: other, capacity: CAPACITY });
  expect(second.setAside).toEqual({
    path: `${second.path}.old`,
    reason: 'other columns',
    removed: [],
  });
  expect(second.nextEid).toBeGreaterThan(last);
  second.close();
  const third = new RingWriter({ directory, spec: other, capacity: CAPACITY * 2 });
  expect(third.setAside).toEqual({
    path: `${third.path}.old.1`,
    reason: 'capacity 65536, now 131072',
    removed: [`${third.path}.old`],
  });
  expect(reader.refresh()).toBe(true);
  expect(reader.damage).toBeNull();
});
