import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RingReader } from '../../tables/ring/reader.ts';
import { RingWriter } from '../../tables/ring/writer.ts';
import { makeDirectory, removeDirectories } from '../fixtures/ring-directory.ts';
import { ringRow, ringTable as spec } from '../fixtures/ring-table.ts';

const CAPACITY = 2 ** 20;
const FILE = 'ring_test.ring';
const DAY_MS = 86_400_000;
const open = (directory: string, capacity = CAPACITY) =>
  new RingWriter({ directory, spec, capacity });
const eids = (records: Iterable<{ eid: number }>) => Array.from(records, ({ eid }) => eid);
const failure = (code: string) => expect.objectContaining({ name: 'LiveAuditError', code });

afterEach(() => {
  jest.restoreAllMocks();
  removeDirectories();
});

test.each([0, 200, 2048, 4096, 70_000, CAPACITY / 2, CAPACITY])(
  'a file cut to %i bytes under an iteration ends it with damage, and a good file is found again',
  (size) => {
    for (const direction of ['range', 'newestFirst'] as const) {
      const directory = makeDirectory();
      const writer = open(directory);
      for (let n = 0; n < 3000; n++) writer.append(ringRow(n));
      const reader = new RingReader({ directory, spec });
      const all = eids(reader.range());
      if (direction === 'newestFirst') all.reverse();
      const kept = join(directory, 'kept');
      copyFileSync(writer.path, kept);
      writer.close();
      const seen: number[] = [];
      for (const record of reader[direction]()) {
        seen.push(record.eid);
        if (seen.length === 10) truncateSync(writer.path, size);
      }
      expect(seen).toEqual(all.slice(0, seen.length));
      expect(seen.length).toBeGreaterThanOrEqual(10);
      // The whole data area is in use, so some of what was wanted is cut, at whichever end.
      eids(reader.range());
      expect(reader.damage).toBe('the file was cut');
      expect(() => [reader.head, reader.tail, reader.ledger(), reader.lastEid()]).not.toThrow();
      expect(reader.refresh()).toBe(false);
      expect(reader.damage).not.toBeNull();
      writeFileSync(writer.path, readFileSync(kept)); // the same inode, whole again
      expect(reader.refresh()).toBe(true);
      expect([reader.damage, eids(reader[direction]())]).toEqual([null, all]);
      truncateSync(writer.path, size);
      eids(reader.range());
      const next = open(directory); // sets it aside
      const eid = next.append(ringRow(0));
      expect(reader.refresh()).toBe(true);
      expect([reader.damage, eids(reader.range())]).toEqual([null, [eid]]);
      next.close();
      reader.close();
    }
  },
);

test('a file that was cut is not grown again', () => {
  const writer = open(makeDirectory(), 2 ** 22);
  writer.append(ringRow(0));
  truncateSync(writer.path, 2 ** 20 + 4096);
  let last = 0;
  expect(() => {
    for (;;) last = writer.append(ringRow(1, 400));
  }).toThrow(failure('RING_DAMAGED'));
  expect(writer.nextEid).toBe(last + 1);
});

/** A file system of 3 MiB, or why there is none. */
function mountSmall(directory: string): string | null {
  const options = ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', directory];
  const { status, stderr, error } = spawnSync('mount', options, { encoding: 'utf8' });
  return status === 0 ? null : (error?.message ?? stderr.trim());
}

const mountPoint = mkdtempSync(join(tmpdir(), 'ring-small-'));
const unmountable = mountSmall(mountPoint);
if (unmountable !== null) console.warn(`skipped, no small file system: ${unmountable}`);
afterAll(() => {
  if (unmountable === null) spawnSync('umount', ['-l', mountPoint]);
  rmSync(mountPoint, { recursive: true, force: true });
});

(unmountable === null ? test : test.skip)(
  'a full disk refuses rows and changes nothing; it goes on when there is space again',
  () => {
    const directory = join(mountPoint, 'state');
    mkdirSync(directory);
    const filler = join(mountPoint, 'filler');
    const writer = open(directory, 2 ** 21);
    const reader = new RingReader({ directory, spec });
    const first = writer.nextEid;
    writeFileSync(filler, Buffer.alloc(2 ** 20 + 2 ** 19));
    const fill = () => {
      for (let n = writer.nextEid - first; ; n++) writer.append(ringRow(n));
    };
    expect(fill).toThrow(failure('RING_IO'));
    const before = [writer.nextEid, writer.head, writer.tail, writer.ledger()];
    expect(fill).toThrow(failure('RING_IO'));
    expect([writer.nextEid, writer.head, writer.tail, writer.ledger()]).toEqual(before);
    expect(eids(reader.range())).toEqual(
      Array.from({ length: writer.nextEid - first }, (_, i) => first + i),
    );
    // Nor is a new ring half made.
    spawnSync('dd', ['if=/dev/zero', `of=${filler}2`, 'bs=4096']);
    const other = join(mountPoint, 'other');
    mkdirSync(other);
    expect(() => open(other)).toThrow(failure('RING_IO'));
    expect(readdirSync(other)).toEqual([]);
    rmSync(filler);
    rmSync(`${filler}2`, { force: true });
    const lap = 6000;
    for (let n = writer.nextEid - first; n < lap; n++) writer.append(ringRow(n));
    expect(writer.head).toBeGreaterThan(2 ** 20);
    expect(eids(reader.range()).at(-1)).toBe(first + lap - 1);
    expect(reader.damage).toBeNull();
    reader.close();
    writer.close();
  },
);

test('eids go on by one in a sound ring, wherever the clock is set', () => {
  const directory = makeDirectory();
  const now = Date.now();
  let last = 0;
  for (const days of [0, -4000, 4000, 0, -1]) {
    jest.spyOn(Date, 'now').mockReturnValue(now + days * DAY_MS);
    const writer = open(directory);
    if (last === 0) expect(writer.nextEid).toBe(now * 1000);
    else expect(writer.nextEid).toBe(last + 1);
    for (let n = 0; n < 100; n++) last = writer.append(ringRow(n));
    writer.close();
  }
});

test('eids of a new ring come after those of the one set aside, with the clock set back or forward', () => {
  const now = Date.now();
  for (const [days, capacity] of [
    [-300, 2 ** 16],
    [-3000, 2 ** 16],
    [5, 2 ** 16],
  ] as const) {
    const directory = makeDirectory();
    jest.spyOn(Date, 'now').mockReturnValue(now);
    const writer = open(directory);
    for (let n = 0; n < 100; n++) writer.append(ringRow(n));
    const { nextEid } = writer;
    writer.close();
    jest.spyOn(Date, 'now').mockReturnValue(now + days * DAY_MS);
    const next = open(directory, capacity);
    expect(next.setAside).not.toBeNull();
    expect(next.nextEid).toBe(Math.max(nextEid, (now + days * DAY_MS) * 1000));
  }
});

test('the first layout is set aside as old', () => {
  const directory = makeDirectory();
  const writer = open(directory);
  const { nextEid } = writer;
  writer.close();
  const bytes = readFileSync(writer.path);
  bytes.writeUInt32LE(1, 8);
  writeFileSync(writer.path, bytes);
  const next = open(directory);
  expect(next.setAside).toMatchObject({ path: `${next.path}.old`, reason: 'layout version 1' });
  expect(next.nextEid).toBeGreaterThanOrEqual(nextEid);
});

test('of corrupt files the newest three are kept, and what is not ours is left alone', () => {
  const directory = makeDirectory();
  const foreign = ['corrupt.backup', 'corrupt.01', 'corruption', 'old.kept'];
  for (const name of foreign) writeFileSync(join(directory, `${FILE}.${name}`), '');
  const removed: string[] = [];
  for (let i = 0; i < 12; i++) {
    writeFileSync(join(directory, FILE), `junk ${i}`);
    const writer = open(directory, 2 ** 16);
    expect(readFileSync(writer.setAside?.path ?? '', 'latin1')).toBe(`junk ${i}`);
    removed.push(...(writer.setAside?.removed ?? []));
    writer.close();
  }
  const of = (names: string[]) => names.map((name) => `${FILE}.${name}`);
  expect(readdirSync(directory).sort()).toEqual(
    [FILE, ...of([...foreign, 'corrupt.9', 'corrupt.10', 'corrupt.11'])].sort(),
  );
  expect(removed).toEqual(
    of(['corrupt', ...Array.from({ length: 8 }, (_, i) => `corrupt.${i + 1}`)]).map((name) =>
      join(directory, name),
    ),
  );
});
