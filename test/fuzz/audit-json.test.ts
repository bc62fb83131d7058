/** The rows that audit-parse writes are JSON of what they hold, whatever that is. */
import fc from 'fast-check';
import { JsonLines, JsonOutput } from '../../extension/cli/json-lines.ts';
import type { Value } from '../../extension/sdk/spec.ts';
import { spec } from '../../tables/audit_summary/spec.ts';

const NAMES = spec.columns.map(({ name }) => name);

const value: fc.Arbitrary<Value> = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.integer(),
  fc.nat(2 ** 32 - 1),
  fc.maxSafeInteger(),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.constantFrom(null, 0, 9, 10, 2 ** 32 - 1, 2 ** 32, 'x'.repeat(300_000), '"'.repeat(200_000)),
);
const row = fc.array(value, { minLength: NAMES.length, maxLength: NAMES.length });

function written(rows: readonly (readonly Value[])[]): string[] {
  const parts: Buffer[] = [];
  const output = new JsonOutput((bytes) => parts.push(bytes));
  const lines = new JsonLines(spec, output);
  for (const cells of rows) lines.add(cells);
  output.flush();
  const text = Buffer.concat(parts).toString();
  return text.split('\n').slice(0, -1);
}

/** As JSON.stringify would have it, integers with all their digits. */
const expected = (cells: readonly Value[]): string => {
  const json = (cell: Value) => (typeof cell === 'bigint' ? String(cell) : JSON.stringify(cell));
  return `{"table":"${spec.name}",${NAMES.map((name, i) => `"${name}":${json(cells[i] ?? null)}`).join(',')}}`;
};

test('any row is the line that JSON.stringify would make of it', () => {
  fc.assert(
    fc.property(fc.array(row, { maxLength: 8 }), (rows) => {
      expect(written(rows)).toEqual(rows.map(expected));
    }),
    { numRuns: 200 },
  );
});
