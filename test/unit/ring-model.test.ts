import fc from 'fast-check';
import { defineTable, type Value } from '../../extension/sdk/spec.ts';
import { RingReader } from '../../tables/ring/reader.ts';
import { RingWriter } from '../../tables/ring/writer.ts';
import { makeDirectory, removeDirectories } from '../fixtures/ring-directory.ts';

afterEach(removeDirectories);

const spec = defineTable({
  name: 'model',
  description: 'Rows against a model.',
  evented: true,
  columns: [
    { name: 'text', type: 'TEXT', description: 'Any.' },
    { name: 'time_ns', type: 'BIGINT', description: 'Any.' },
    { name: 'integer', type: 'INTEGER', description: 'Any.' },
    { name: 'eid', type: 'BIGINT', description: 'Not the first column.' },
    { name: 'double', type: 'DOUBLE', description: 'Any.' },
    { name: 'more', type: 'TEXT', description: 'Any.' },
  ],
  examples: [],
});
const TIME = 1;
const EID = 3;

const i64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const integer = fc.oneof(fc.maxSafeInteger(), i64, fc.constantFrom(2 ** 31, -1, 0, 2 ** 53 - 1));
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.nat(7_000).map((length) => 'long é '.repeat(length / 7)),
);
const row = fc.tuple(
  fc.option(text),
  fc.oneof(integer, fc.integer({ min: 0, max: 20 })),
  fc.option(integer),
  fc.constant(null),
  fc.option(fc.double()),
  fc.option(text),
);

/** Integers come back as bigint only where a Number is not exact. */
const read = (value: Value): Value =>
  typeof value === 'bigint' && value >= -(2n ** 53n) && value < 2n ** 53n ? Number(value) : value;

const bound = fc.option(fc.integer({ min: -3, max: 90 }), { nil: undefined });

test('what is read is the newest part of what was appended, whatever the sizes and restarts', () => {
  const runs = fc.array(
    fc.record({ rows: fc.array(row, { maxLength: 40 }), reopen: fc.boolean() }),
    {
      minLength: 1,
      maxLength: 4,
    },
  );
  fc.assert(
    fc.property(
      runs,
      fc.constantFrom(65_536, 131_072),
      fc.record({
        from: bound,
        to: bound,
        fromTime: fc.option(integer),
        toTime: fc.option(integer),
      }),
      (steps, capacity, asked) => {
        const directory = makeDirectory();
        let writer = new RingWriter({ directory, spec, capacity });
        const reader = new RingReader({ directory, spec });
        const firstEid = writer.nextEid;
        const model: Value[][] = [];
        for (const { rows, reopen } of steps) {
          for (const values of rows) {
            const eid = writer.append(values);
            expect(eid).toBe(firstEid + model.length);
            model.push(values.map((value, i) => (i === EID ? eid : read(value))));
          }
          if (reopen) {
            writer.close();
            writer = new RingWriter({ directory, spec, capacity });
            expect(writer.setAside).toBeNull();
          }
          const all = Array.from(reader.range(), (record) => record.values());
          expect(all).toEqual(model.slice(model.length - all.length));
          // Only what had to go is gone: less than a quarter for the row, one for the pad.
          if (all.length < model.length) {
            expect(writer.head - writer.tail).toBeGreaterThan(capacity / 2);
          }
          expect(writer.ledger().overwritten).toBe(model.length - all.length);
          expect(writer.ledger().events_stored).toBe(model.length);

          const wanted = all.filter((values) => {
            const eid = Number(values[EID]) - firstEid;
            const time = values[TIME] as number | bigint;
            return (
              eid >= (asked.from ?? -Infinity) &&
              eid <= (asked.to ?? Infinity) &&
              time >= (asked.fromTime ?? -Infinity) &&
              time <= (asked.toTime ?? Infinity)
            );
          });
          const range = {
            fromEid: asked.from === undefined ? undefined : firstEid + asked.from,
            toEid: asked.to === undefined ? undefined : firstEid + asked.to,
            fromTimeNs: asked.fromTime ?? undefined,
            toTimeNs: asked.toTime ?? undefined,
          };
          expect(Array.from(reader.range(range), (r) => r.values())).toEqual(wanted);
          expect(Array.from(reader.newestFirst(range), (r) => r.values()).reverse()).toEqual(
            wanted,
          );
          expect(reader.damage).toBeNull();
          expect(reader.overtaken).toBe(0);
          expect(reader.lastEid()).toBe(all.at(-1)?.[EID]);
        }
        reader.close();
        writer.close();
        removeDirectories();
      },
    ),
    { numRuns: 60 },
  );
});
