import { mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { RowCodec } from '../../tables/ring/codec.ts';
import { frameLength, isClosed, lengthBefore } from '../../tables/ring/frame.ts';
import { Views } from '../../tables/ring/layout.ts';
import { RingReader } from '../../tables/ring/reader.ts';
import { RingWriter } from '../../tables/ring/writer.ts';
import { makeDirectory, removeDirectories } from '../fixtures/ring-directory.ts';
import { ringRow, ringTable as spec } from '../fixtures/ring-table.ts';

afterAll(removeDirectories);

const CAPACITY = 65_536;
const HEADER = 4096;
const FILE = 'ring_test.ring';

/** A sound ring that has wrapped around, to be damaged in copies. */
function makeSound() {
  const directory = makeDirectory();
  const writer = new RingWriter({ directory, spec, capacity: CAPACITY });
  const first = writer.nextEid;
  for (let n = 0; n < 700; n++) writer.append(ringRow(n));
  const { head, tail, path, nextEid } = writer;
  writer.close();
  return { path, head, tail, first, nextEid };
}
const sound = makeSound();
let copies = 0;
const prepared = Array.from({ length: 10 }, (_, n) => ringRow(n * 50));

function damagedCopy(damage: (bytes: Buffer) => void): string {
  const directory = join(sound.path, '..', `copy${copies++}`);
  mkdirSync(directory);
  const bytes = readFileSync(sound.path);
  damage(bytes);
  writeFileSync(join(directory, FILE), bytes, { mode: 0o600 });
  return directory;
}

/** Whatever the bytes are: readers end, writers go on, and what is given is within what was stored. */
function survive(directory: string): void {
  const reader = new RingReader({ directory, spec });
  const bounds = [{}, { fromEid: sound.nextEid - 5 }, { fromTimeNs: 1_800_000_000_000_000_600n }];
  for (const range of bounds) {
    for (const records of [reader.range(range), reader.newestFirst(range)]) {
      let count = 0;
      for (const record of records) {
        if (record.values().length !== spec.columns.length) throw new Error('half a row');
        if (++count > CAPACITY / 40) throw new Error('more records than fit');
      }
    }
  }
  reader.lastEid();
  reader.ledger();
  const writer = new RingWriter({ directory, spec, capacity: CAPACITY });
  const eid = writer.append(ringRow(1));
  expect(eid).toBeGreaterThanOrEqual(writer.setAside === null ? sound.nextEid : sound.first);
  for (let n = 0; n < 300; n++) writer.append(prepared[n % 10] ?? []);
  reader.refresh();
  expect(Array.from(reader.range({ fromEid: eid }), (r) => r.eid).at(-1)).toBe(eid + 300);
  // A ring that was set aside is read in its new file; one that went on may still have a wrong text byte.
  if (writer.setAside !== null) expect(reader.damage).toBeNull();
  reader.close();
  writer.close();
}

const flips = (max: number) =>
  fc.array(fc.tuple(fc.nat(max - 1), fc.integer({ min: 1, max: 255 })), {
    minLength: 1,
    maxLength: 6,
  });

test('flipped bytes in the header', () => {
  fc.assert(
    fc.property(flips(HEADER), fc.boolean(), (changes, words) => {
      const directory = damagedCopy((bytes) => {
        for (const [at, mask] of changes) {
          // Half of the time aim at what is in use: the constants, head, tail and ledger.
          const place = words ? at % 464 : at;
          bytes[place] = (bytes[place] ?? 0) ^ mask;
        }
      });
      survive(directory);
    }),
    { numRuns: 80 },
  );
});

test('flipped bytes in the data', () => {
  fc.assert(
    fc.property(flips(CAPACITY), (changes) => {
      survive(
        damagedCopy((bytes) => {
          for (const [at, mask] of changes) {
            bytes[HEADER + at] = (bytes[HEADER + at] ?? 0) ^ mask;
          }
        }),
      );
    }),
    { numRuns: 80 },
  );
});

test('words of frames and slots replaced by hostile numbers', () => {
  const hostile = fc.constantFrom(0, 1, 7, 8, 16, 24, 65_528, 65_536, 0x7fff_ffff, 0xffff_fff8);
  fc.assert(
    fc.property(fc.nat(CAPACITY / 4 - 1), hostile, (word, value) => {
      survive(damagedCopy((bytes) => bytes.writeUInt32LE(value, HEADER + word * 4)));
    }),
    { numRuns: 80 },
  );
});

test('head and tail anywhere', () => {
  const position = fc.oneof(
    fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    fc.nat(Math.floor(sound.head / 8)).map((n) => BigInt(n * 8)),
  );
  fc.assert(
    fc.property(position, position, (head, tail) => {
      survive(
        damagedCopy((bytes) => {
          bytes.writeBigUInt64LE(head, 256);
          bytes.writeBigUInt64LE(tail, 320);
        }),
      );
    }),
    { numRuns: 100 },
  );
});

test('a file cut or lengthened is set aside', () => {
  fc.assert(
    fc.property(fc.nat(HEADER + CAPACITY + 5000), (size) => {
      const directory = damagedCopy(() => {});
      truncateSync(join(directory, FILE), size);
      const aside = new RingReader({ directory, spec }).damage !== null;
      expect(aside).toBe(size !== HEADER + CAPACITY);
      survive(directory);
    }),
    { numRuns: 40 },
  );
});

test('bytes changed under a reader that has its index already', () => {
  fc.assert(
    fc.property(flips(CAPACITY), (changes) => {
      const directory = damagedCopy(() => {});
      const reader = new RingReader({ directory, spec });
      const before = [...reader.range()].length;
      const bytes = readFileSync(join(directory, FILE));
      for (const [at, mask] of changes) bytes[HEADER + at] = (bytes[HEADER + at] ?? 0) ^ mask;
      writeFileSync(join(directory, FILE), bytes);
      for (const records of [reader.range(), reader.newestFirst()]) {
        let count = 0;
        for (const record of records) count += record.values().length > 0 ? 1 : 0;
        expect(count).toBeLessThanOrEqual(before);
        if (count < before) expect(reader.damage).not.toBeNull();
      }
      reader.close();
    }),
    { numRuns: 60 },
  );
});

test('the frame and text readers stay within their bytes', () => {
  const codec = new RowCodec(spec);
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 64, maxLength: 256 }), fc.nat(7), (bytes, word) => {
      const buffer = new ArrayBuffer(Math.floor(bytes.length / 8) * 8);
      const views = new Views(buffer);
      views.bytes.set(bytes.subarray(0, buffer.byteLength));
      const room = buffer.byteLength - word * 8;
      const length = frameLength(views, word * 8, room);
      expect(length).toBeLessThanOrEqual(room);
      if (length > 0) isClosed(views, word * 8, length);
      expect(lengthBefore(views, word * 8 + 8, word * 8 + 8)).toBeLessThanOrEqual(word * 8 + 8);
      for (let i = 0; i < spec.columns.length; i++) codec.value(views, 0, i);
    }),
  );
});
