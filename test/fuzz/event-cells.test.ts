/** Cells that the hot path has instead of values: what is read back is the value they stand for. */
import fc from 'fast-check';
import { type Cell, type Event, Int64, newEvent, Shared, Slice } from '../../tables/event.ts';
import { RecordMemory } from '../../tables/events/record-memory.ts';
import { UnixTime } from '../../tables/events/unix-time.ts';
import { RowCodec } from '../../tables/ring/codec.ts';
import { RowEncoder } from '../../tables/ring/encoder.ts';
import { isClosed } from '../../tables/ring/frame.ts';
import { Views } from '../../tables/ring/layout.ts';
import { ringTable as spec } from '../fixtures/ring-table.ts';

const TIME_NS = spec.columns.findIndex(({ name }) => name === 'time_ns');
const codec = new RowCodec(spec);
const encoder = new RowEncoder(codec.layout);

/** Bytes: too few for any record, for some, for nearly all. */
const ROOMS = [64, 200, 960];
let turn = 0;

/** The record of an event, and what is in it. */
function record(event: Event, place?: Views, at = 0, room = 0) {
  const length = encoder.encode(7, event, 100, place, at, room);
  const { memory, at: begin } = encoder;
  expect(length % 8).toBe(0);
  expect(codec.isSound(memory, begin, length)).toBe(true);
  expect(isClosed(memory, begin, length)).toBe(true);
  return {
    bytes: Buffer.from(memory.bytes.subarray(begin, begin + length)),
    values: spec.columns.map((_, i) => codec.value(memory, begin, i)),
  };
}

function readBack(cells: readonly Cell[], shared: Shared | null = null) {
  const event = newEvent(spec);
  for (const [i, cell] of cells.entries()) event[i] = cell;
  event.shared = shared;
  const apart = record(event);
  // Where it is to stand, among other bytes: the same, whether it has room there or not.
  const place = new Views(new ArrayBuffer(1024));
  place.bytes.fill(0xee);
  const room = ROOMS[turn++ % ROOMS.length] ?? 0;
  expect(record(event, place, 56, room)).toEqual(apart);
  const around = [place.bytes.subarray(0, 56), place.bytes.subarray(56 + room)];
  expect(around.every((part) => part.equals(Buffer.alloc(part.length, 0xee)))).toBe(true);
  return apart.values;
}

const text = fc.oneof(
  fc.string({ unit: fc.constantFrom(...'abc \t\n%é\u{1f600}'), maxLength: 40 }),
  fc.string({ unit: fc.constantFrom(...'abcdefgh'), maxLength: 1200 }),
);
const textCell = fc.oneof(
  fc.constant(null),
  text,
  text.map((value) => Buffer.from(value)),
);
const cells = fc.tuple(
  fc.constant(null),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.option(fc.integer()),
  textCell,
  fc.option(fc.double({ noNaN: true })),
  textCell,
  textCell,
);

test('cells that are shared are stored as those that are not, whichever they are', () => {
  fc.assert(
    fc.property(cells, cells, fc.subarray([1, 2, 3, 4, 5, 6]), (first, second, places) => {
      const shared = new Shared(places);
      const alone = readBack(first);
      expect(readBack(first, shared)).toEqual(alone);
      // The next row has these cells in common with it, and all others of its own.
      const next = second.map((cell, i) => (places.includes(i) ? (first[i] ?? null) : cell));
      expect(readBack(next, shared)).toEqual(readBack(next));
    }),
    { numRuns: 2000 },
  );
});

test('what is shared belongs to one encoder', () => {
  const shared = new Shared([2, 3]);
  const row = [null, 1, 5, 'text', 0.5, 'note', null];
  readBack(row, shared);
  const other = new RowCodec({ ...spec, columns: [...spec.columns].reverse() });
  const otherEncoder = new RowEncoder(other.layout);
  const event = Object.assign([...row].reverse(), { shared });
  otherEncoder.encode(7, event, 0);
  expect(other.value(otherEncoder.memory, 0, 4)).toBe(5);
  expect(readBack(row, shared)).toEqual(readBack(row));
});

test('a slice is its text, wherever it lies and whatever stands around it', () => {
  const around = fc.uint8Array({ maxLength: 20 });
  fc.assert(
    fc.property(around, text, around, fc.nat(3), (before, value, after, rest) => {
      const content = Buffer.from(value);
      const bytes = new Uint8Array(before.length + content.length + after.length + rest);
      bytes.set(before);
      bytes.set(content, before.length);
      bytes.set(after, before.length + content.length);
      const view = new DataView(bytes.buffer);
      const memory = new RecordMemory();
      const slice = new Slice();
      const end = before.length + content.length;
      const isAscii = content.every((byte) => byte < 0x80);
      const taken = memory.slice(view, before.length, end, slice);
      if (taken) {
        expect(isAscii).toBe(true);
        expect(readBack([null, 1, 2, slice, 0.5, 'after', slice])).toEqual(
          readBack([null, 1, 2, value, 0.5, 'after', value]),
        );
      }
      const part = memory.part(view, before.length, content.length);
      expect(memory.sliceOf(part, slice)).toBe(
        before.length % 4 === 0 && end <= Math.floor(bytes.length / 4) * 4,
      );
      expect(memory.sliceOf(Buffer.from(content), slice)).toBe(false);
    }),
    { numRuns: 2000 },
  );
});

test('integers in halves: products and times are what bigints say', () => {
  const boot = fc.integer({ min: 0, max: 2 ** 53 - 1 });
  const offset = fc.bigInt({ min: 0n, max: 2n ** 62n });
  const times = fc.array(fc.tuple(boot, offset), { minLength: 1, maxLength: 5 });
  const time = new UnixTime();
  fc.assert(
    fc.property(times, (all) => {
      for (const [began, bootToUnix] of all) {
        const { ns, seconds } = time.set(began, bootToUnix);
        const expected = BigInt(began) + bootToUnix;
        expect(ns.value).toBe(expected);
        expect(seconds).toBe(Number(expected / 1_000_000_000n));
        const row: Cell[] = [null, ns, 2, null, 0.5, null, null];
        expect(BigInt(readBack(row)[TIME_NS] ?? -1)).toBe(expected);
      }
    }),
    { numRuns: 2000 },
  );
  fc.assert(
    fc.property(boot, fc.nat(2 ** 21 - 1), (a, b) => {
      expect(new Int64().setProduct(a, b).value).toBe(BigInt(a) * BigInt(b));
    }),
    { numRuns: 2000 },
  );
});
