import fc from 'fast-check';
import type { TStructLike } from 'thrift';
import { Budget } from '../../extension/sdk/budget.ts';
import { Chunks } from '../../extension/sdk/chunks.ts';
import type { EncodableRow, Row } from '../../extension/sdk/context.ts';
import { RowBuffer } from '../../extension/sdk/row-buffer.ts';
import { RowEncoder } from '../../extension/sdk/row-encoder.ts';
import { RowKeys } from '../../extension/sdk/row-keys.ts';
import { SlabPool } from '../../extension/sdk/slab-pool.ts';
import type { ColumnType, Value } from '../../extension/sdk/spec.ts';
import ttypes from '../../extension/sdk/thrift/gen/osquery_types.js';
import { ValueEncoder } from '../../extension/sdk/value-encoder.ts';

// npm thrift's index loads `uuid`, which is an ES module that jest cannot require; nothing here uses it.
jest.mock('uuid', () => ({}));
const { TBinaryProtocol, TBufferedTransport } =
  jest.requireActual<typeof import('thrift')>('thrift');

const BUDGET = 1 << 30;

/** One for all, so that what a slab held before never shows. */
const pool = new SlabPool();

interface Field {
  readonly key: string;
  readonly type: ColumnType;
}

function ours(fields: readonly Field[], rows: Iterable<Row | EncodableRow>): Buffer {
  const buffer = new RowBuffer(
    fields.map(({ type }) => type),
    new Budget(BUDGET),
    pool,
  );
  for (const row of rows) buffer.append(row);
  const chunks = new Chunks(pool);
  const encoder = new RowEncoder(new RowKeys(fields.map(({ key }) => [key])), chunks);
  const parts: Buffer[] = [];
  for (let slab = buffer.takeSlab(); slab !== undefined; slab = buffer.takeSlab()) {
    encoder.open(slab);
    while (encoder.fill()) parts.push(Buffer.from(chunks.take()));
    buffer.free(slab);
  }
  parts.push(Buffer.from(chunks.take()));
  chunks.release();
  return Buffer.concat(parts);
}

/** The same without buffering, as the rows of an array are sent. */
function direct(fields: readonly Field[], rows: readonly Row[]): Buffer {
  const chunks = new Chunks(pool);
  const keys = new RowKeys(fields.map(({ key }) => [key]));
  const encoder = new ValueEncoder(
    keys,
    fields.map(({ type }) => type),
    chunks,
  );
  const parts: Buffer[] = [];
  for (const row of rows) while (!encoder.add(row)) parts.push(Buffer.from(chunks.take()));
  parts.push(Buffer.from(chunks.take()));
  chunks.release();
  return Buffer.concat(parts);
}

/** Not toEqual: jest compares large buffers byte by byte in JavaScript. */
function isSent(
  fields: readonly Field[],
  rows: readonly Row[],
  maps: readonly { [key: string]: string }[],
): boolean {
  const expected = theirs(maps);
  return ours(fields, rows).equals(expected) && direct(fields, rows).equals(expected);
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

const text = (at: number, key = `c${at}`): Field => ({ key, type: 'TEXT' });

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
      expect(isSent(fields, rows, maps)).toBe(true);
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
  expect(isSent([text(0), text(1)], rows, maps)).toBe(true);
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
  ['TEXT', 1.5, '1.5'],
  ['TEXT', null, null],
  ['TEXT', undefined, null],
])('%s %p is sent as %j', (type, value, sent) => {
  const row = [value] as Row;
  expect(isSent([{ key: 'c', type }], [row], [sent === null ? {} : { c: sent }])).toBe(true);
});

test('no columns: each row is an empty map, so that they can be counted', () => {
  expect(isSent([], [[], [], []], [{}, {}, {}])).toBe(true);
});

test('over its budget it refuses, and gives everything back', () => {
  const budget = new Budget(1_000_000);
  const writer = new RowBuffer(['TEXT'], budget, pool);
  const row = ['x'.repeat(1000)];
  expect(() => {
    for (let i = 0; i < 10_000; i++) writer.append(row);
  }).toThrow(expect.objectContaining({ code: 'RESULT_TOO_LARGE' }));
  writer.release();
  expect(budget.left).toBe(1_000_000);
});

test('a value may be sent under two keys', () => {
  const chunks = new Chunks(pool);
  const buffer = new RowBuffer(['BIGINT', 'TEXT'], new Budget(BUDGET), pool);
  buffer.append([7, 'x']);
  const keys = new RowKeys([['eid', 'rowid'], ['text']]);
  const encoder = new RowEncoder(keys, chunks);
  const slab = buffer.takeSlab();
  if (slab === undefined) throw new Error('no rows');
  encoder.open(slab);
  expect(encoder.fill()).toBe(false);
  const sent = Buffer.from(chunks.take());
  expect(sent).toEqual(theirs([{ eid: '7', rowid: '7', text: 'x' }]));
  new ValueEncoder(keys, ['BIGINT', 'TEXT'], chunks).add([7, 'x']);
  expect(chunks.take()).toEqual(sent);
});

test('cells that write themselves are sent as the same values are', () => {
  const utf8 = fc.tuple(cell, fc.nat({ max: 9 })).map(([value, before]) => ({ value, before }));
  fc.assert(
    fc.property(
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      fc.maxSafeInteger(),
      utf8,
      (large, safe, { value, before }) => {
        const bytes = Buffer.from(`${' '.repeat(before)}${value ?? ''}`);
        const row: EncodableRow = {
          encode: (cells) => {
            cells.integer(Number(large >> 32n), Number(BigInt.asUintN(32, large)));
            cells.value(safe);
            if (value === null) cells.value(null);
            else cells.utf8(bytes, before, bytes.length);
          },
        };
        const fields: Field[] = [
          { key: 'large', type: 'BIGINT' },
          { key: 'safe', type: 'BIGINT' },
          { key: 'text', type: 'TEXT' },
        ];
        const map = {
          large: String(large),
          safe: String(safe),
          ...(value !== null && { text: value }),
        };
        expect(ours(fields, [row]).equals(theirs([map]))).toBe(true);
      },
    ),
    { numRuns: 500 },
  );
});

test('texts that stand one behind the other in memory, or not, are sent as each', () => {
  const texts = fc.array(
    fc.record({ value: cell, gap: fc.constantFrom(0, 0, 0, 1, 5), number: fc.boolean() }),
    { maxLength: 12 },
  );
  fc.assert(
    fc.property(fc.array(texts, { minLength: 1, maxLength: 3 }), (rows) => {
      const wide = Math.max(...rows.map((row) => row.length));
      const fields = Array.from({ length: wide }, (_, i) => text(i));
      const memory = Buffer.from(
        rows
          .flatMap((row) => row.map(({ value, gap }) => '.'.repeat(gap) + (value ?? '')))
          .join(''),
      );
      let at = 0;
      const encodable = rows.map(
        (row): EncodableRow => ({
          encode: (cells) => {
            for (const { value, gap, number } of row) {
              at += gap;
              const end = at + Buffer.byteLength(value ?? '');
              if (number) cells.integer(0, 7);
              else if (value === null) cells.value(null);
              else cells.utf8(memory, at, end);
              at = end;
            }
          },
        }),
      );
      const maps = rows.map((row) =>
        Object.fromEntries(
          row.flatMap(({ value, number }, i) =>
            number ? [[`c${i}`, '7']] : value === null ? [] : [[`c${i}`, value]],
          ),
        ),
      );
      expect(ours(fields, encodable).equals(theirs(maps))).toBe(true);
    }),
    { numRuns: 300 },
  );
});

test('bytes that are no UTF-8 are sent as text all the same', () => {
  const bytes = Buffer.from([0x61, 0xff, 0x62]);
  const row: EncodableRow = { encode: (cells) => cells.utf8(bytes, 0, 3) };
  expect(ours([text(0)], [row])).toEqual(theirs([{ c0: 'a\ufffdb' }]));
  // Whole in their sum, and not one by one.
  const halves = Buffer.from('é!');
  const both: EncodableRow = {
    encode: (cells) => {
      cells.utf8(halves, 0, 1);
      cells.value(null);
      cells.utf8(halves, 1, 3);
    },
  };
  expect(ours([text(0), text(1), text(2)], [both])).toEqual(
    theirs([{ c0: '\ufffd', c2: '\ufffd!' }]),
  );
});

test('every power of ten and two, and its neighbours', () => {
  const powers = Array.from({ length: 63 }, (_, i) => 2n ** BigInt(i));
  for (let p = 1n; p < 2n ** 63n; p *= 10n) powers.push(p);
  const values = powers.flatMap((p) => [
    p - 1n,
    p,
    p + 1n,
    -p,
    -p - 1n,
    1_000_000_000n * (p / 1_000_000_000n) - 1n,
  ]);
  values.push(-(2n ** 63n), 2n ** 63n - 1n);
  for (const value of values.map((v) => BigInt.asIntN(64, v))) {
    const row: EncodableRow = {
      encode: (cells) => cells.integer(Number(value >> 32n), Number(BigInt.asUintN(32, value))),
    };
    expect(ours([{ key: 'c', type: 'BIGINT' }], [row])).toEqual(theirs([{ c: String(value) }]));
  }
});
