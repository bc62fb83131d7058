import fc from 'fast-check';
import { type Constraint, Operator, type QueryContext } from '../../extension/sdk/context.ts';
import { decodeContext } from '../../extension/sdk/context-decoder.ts';
import { equals, range } from '../../extension/sdk/push-down.ts';
import type { TableSpec } from '../../extension/sdk/spec.ts';

const spec: TableSpec = {
  name: 't',
  description: '',
  evented: true,
  examples: [],
  columns: [
    { name: 'eid', type: 'BIGINT', description: '' },
    { name: 'text', type: 'TEXT', description: '' },
  ],
};

const decodes = (text: string): void => {
  try {
    const { columns, constraints } = decodeContext(text, spec);
    for (const column of columns) expect(spec.columns).toContain(column);
    for (const { value } of constraints) expect(typeof value).toBe('string');
    const context: QueryContext = { columns, constraints };
    const { min, max } = range(context, 'eid');
    for (const bound of [min, max]) expect(BigInt.asIntN(64, bound)).toBe(bound);
    equals(context, 'text');
  } catch (error) {
    expect(error).toMatchObject({ name: 'LiveAuditError', code: 'QUERY_CONTEXT' });
  }
};

test('any text is a context or is refused', () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), decodes), { numRuns: 1000 });
});

test('nearly right contexts are contexts or are refused', () => {
  const odd = fc.oneof({ weight: 4, arbitrary: fc.constant(undefined) }, fc.jsonValue());
  const or = <T>(right: fc.Arbitrary<T>) => fc.oneof({ weight: 9, arbitrary: right }, odd);
  const name = fc.constantFrom('eid', 'text', '__proto__', 'constructor', 'none');
  const item = fc.record({
    op: or(fc.constantFrom(2, 4, 8, 16, 32, 65, 73, 1e9)),
    expr: or(fc.string()),
  });
  const context = fc.record({
    constraints: or(fc.array(or(fc.record({ name: or(name), list: or(fc.array(or(item))) })))),
    colsUsed: or(fc.array(or(name))),
    colsUsedBitset: or(fc.nat()),
  });
  fc.assert(
    fc.property(context, (value) => decodes(JSON.stringify(value))),
    { numRuns: 1000 },
  );
});

/** What SQLite would keep, with the constraint as the number that it is. */
const holds = (row: bigint, op: Operator, value: number | bigint): boolean => {
  switch (op) {
    case Operator.EQUALS:
      // biome-ignore lint/suspicious/noDoubleEquals: a bigint and a number compare by value so
      return row == value;
    case Operator.GREATER:
      return row > value;
    case Operator.LESS:
      return row < value;
    case Operator.GREATER_OR_EQUAL:
      return row >= value;
    case Operator.LESS_OR_EQUAL:
      return row <= value;
  }
};

/** sqlite3_value_text of a double: 15 significant digits. */
const printed = (value: number | bigint): string =>
  typeof value === 'bigint' ? String(value) : value.toPrecision(15);

test('range never drops a row that SQLite would keep', () => {
  const near = fc.oneof(
    fc.integer({ min: -5, max: 5 }).map(BigInt),
    fc.bigInt({ min: 1789999999999999990n, max: 1790000000000000010n }),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  );
  const value = fc.oneof(
    near,
    near.map(Number),
    fc.double({ min: -6, max: 6, noNaN: true }),
    near.map((n) => Number(n) + 0.5),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
  );
  const op = fc.constantFrom(...Object.values(Operator));
  fc.assert(
    fc.property(near, fc.array(fc.tuple(op, value), { maxLength: 4 }), (row, list) => {
      const constraints: Constraint[] = list.map(([o, v]) => ({
        column: 'eid',
        op: o,
        value: printed(v),
      }));
      const equal = list.filter(([o]) => o === Operator.EQUALS);
      const keeps =
        list.filter(([o]) => o !== Operator.EQUALS).every(([o, v]) => holds(row, o, v)) &&
        (equal.length === 0 || equal.some(([o, v]) => holds(row, o, v)));
      const { min, max } = range({ columns: spec.columns, constraints }, 'eid');
      if (keeps) expect(min <= row && row <= max).toBe(true);
      const values = equals({ columns: spec.columns, constraints }, 'eid');
      if (keeps && values !== null) expect(values.has(String(row))).toBe(true);
    }),
    { numRuns: 5000 },
  );
});
