import fc from 'fast-check';
import type { TStructLike } from 'thrift';
import { Budget } from '../../extension/sdk/budget.ts';
import type { Row } from '../../extension/sdk/context.ts';
import { type Field, RowWriter } from '../../extension/sdk/row-writer.ts';
import { SlabPool } from '../../extension/sdk/slab-pool.ts';
import type { Value } from '../../extension/sdk/spec.ts';
import ttypes from '../../extension/sdk/thrift/gen/osquery_types.js';

// npm thrift's index loads `uuid`, which is an ES module that jest cannot require; nothing here uses it.
jest.mock('uuid', () => ({}));
const { TBinaryProtocol, TBufferedTransport } =
  jest.requireActual<typeof import('thrift')>('thrift');

const BUDGET = 1 << 30;

/** One for all, so that what a slab held before never shows. */
const pool = new SlabPool();

function ours(fields: readonly Field[], rows: readonly Row[]): Buffer {
  const writer = new RowWriter(fields, new Budget(BUDGET), pool);
  for (const row of rows) writer.append(row);
  const slabs = writer.finish();
  const bytes = Buffer.concat(slabs);
  for (const slab of slabs) pool.give(slab);
  return bytes;
}

/** ExtensionResponse{2: rows} by npm thrift, without its field and list headers and its STOP. */
function theirs(rows: readonly { [key: string]: string }[]): Buffer {
  const RESPONSE_HEADERS = 3 + 5;
  const chunks: Buffer[] = [];
  const transport = new TBufferedTransport(undefined, (bytes) => {
    if (bytes !== undefined) chunks.push(bytes);
  });
  const protocol = new TBinaryProtocol(transport);
  const response = new ttypes.ExtensionResponse({ response: [...rows] } as never);
  // The compiler's declarations leave the methods out.
  (response as unknown as TStructLike).write(protocol);
  transport.flush();
  return Buffer.concat(chunks).subarray(RESPONSE_HEADERS, -1);
}

const text = (at: number, key = `c${at}`): Field => ({ key, type: 'TEXT', at });

const whole = fc.string({ unit: 'binary' }).map((value) => value.toWellFormed());
const long = fc
  .tuple(fc.constantFrom('a', 'é', '€', '\u{1f600}', 'ab\u0000'), fc.nat({ max: 300_000 }))
  .map(([unit, length]) => unit.repeat(Math.ceil(length / unit.length)));
const cell = fc.oneof(
  { weight: 8, arbitrary: whole },
  { weight: 4, arbitrary: fc.constant(null) },
  { weight: 1, arbitrary: long },
);

test('the bytes are those of npm thrift, for any rows', () => {
  const tables = fc
    .array(whole, { maxLength: 8 })
    .map((keys) => [...new Set(keys)].filter((key) => key !== '__proto__' && !/^\d+$/.test(key)))
    .chain((keys) =>
      fc.record({
        keys: fc.constant(keys),
        rows: fc.array(fc.tuple(...keys.map(() => cell)), { maxLength: 12 }),
      }),
    );
  fc.assert(
    fc.property(tables, ({ keys, rows }) => {
      const maps = rows.map((row) =>
        Object.fromEntries(
          keys.flatMap((key, i) => {
            const value = row[i];
            return typeof value === 'string' ? [[key, value]] : [];
          }),
        ),
      );
      const fields = keys.map((key, i) => text(i, key));
      // Not toEqual: jest compares large buffers byte by byte in JavaScript.
      expect(ours(fields, rows).equals(theirs(maps))).toBe(true);
    }),
    { numRuns: 150 },
  );
});

test('many rows, over the bounds of slabs', () => {
  const rows = Array.from({ length: 20_000 }, (_, i) => [
    `row ${i}`,
    i % 3 ? 'é'.repeat(i % 40) : null,
  ]);
  const maps = rows.map(([c0, c1]) => (c1 == null ? { c0: c0 ?? '' } : { c0: c0 ?? '', c1 }));
  expect(ours([text(0), text(1)], rows).equals(theirs(maps))).toBe(true);
});

test.each<[Field['type'], Value | undefined, string | null]>([
  ['INTEGER', 0, '0'],
  ['INTEGER', -0, '0'],
  ['INTEGER', -7, '-7'],
  ['BIGINT', 2 ** 53, '9007199254740992'],
  ['BIGINT', 1e21, '1000000000000000000000'],
  ['BIGINT', -(2n ** 63n), '-9223372036854775808'],
  ['BIGINT', Number.NaN, null],
  ['DOUBLE', 0.1, '0.1'],
  ['DOUBLE', 1e300, '1e+300'],
  ['DOUBLE', Number.POSITIVE_INFINITY, null],
  ['TEXT', '', ''],
  ['TEXT', null, null],
  ['TEXT', undefined, null],
])('%s %p is sent as %j', (type, value, sent) => {
  const row = [value] as Row;
  expect(ours([{ key: 'c', type, at: 0 }], [row])).toEqual(
    theirs([sent === null ? {} : { c: sent }]),
  );
});

test('no columns: each row is an empty map, so that they can be counted', () => {
  expect(ours([], [[], [], []])).toEqual(theirs([{}, {}, {}]));
});

test('over its budget it refuses, and gives everything back', () => {
  const budget = new Budget(1_000_000);
  const writer = new RowWriter([text(0)], budget, pool);
  const row = ['x'.repeat(1000)];
  expect(() => {
    for (let i = 0; i < 10_000; i++) writer.append(row);
  }).toThrow(expect.objectContaining({ code: 'RESULT_TOO_LARGE' }));
  writer.release();
  expect(budget.left).toBe(1_000_000);
});
