import { type Constraint, Operator, type QueryContext } from '../../extension/sdk/context.ts';
import { equals, fold, matcher, range } from '../../extension/sdk/push-down.ts';
import type { ColumnSpec } from '../../extension/sdk/spec.ts';

const MIN = -(2n ** 63n);
const MAX = 2n ** 63n - 1n;

const columns: ColumnSpec[] = [
  { name: 'time', type: 'BIGINT', description: '' },
  { name: 'shell', type: 'TEXT', description: '' },
  { name: 'load', type: 'DOUBLE', description: '' },
];

const { EQUALS, GREATER, GREATER_OR_EQUAL, LESS, LESS_OR_EQUAL } = Operator;

function context(column: string, ...list: readonly (readonly [Operator, string])[]): QueryContext {
  const constraints: Constraint[] = list.map(([op, value]) => ({ column, op, value }));
  return { columns, constraints };
}

describe('range', () => {
  const time = (...list: readonly (readonly [Operator, string])[]) =>
    range(context('time', ...list), 'time');

  test.each<[string, Operator, string, bigint, bigint]>([
    ['=', EQUALS, '5', 5n, 5n],
    ['<', LESS, '5', MIN, 4n],
    ['<=', LESS_OR_EQUAL, '5', MIN, 5n],
    ['>', GREATER, '5', 6n, MAX],
    ['>=', GREATER_OR_EQUAL, '5', 5n, MAX],
    ['= negative', EQUALS, '-5', -5n, -5n],
    ['= 3.0', EQUALS, '3.0', 3n, 3n],
    ['> 3.5', GREATER, '3.5', 4n, MAX],
    ['>= 3.5', GREATER_OR_EQUAL, '3.5', 4n, MAX],
    ['< 3.5', LESS, '3.5', MIN, 3n],
    ['<= 3.5', LESS_OR_EQUAL, '3.5', MIN, 3n],
    ['>= 1e3', GREATER_OR_EQUAL, '1e3', 1000n, MAX],
    ['<= 1e3', LESS_OR_EQUAL, '1e3', MIN, 1000n],
    ['> -3.5', GREATER, '-3.5', -3n, MAX],
    ['< -3.5', LESS, '-3.5', MIN, -4n],
    ['>= 1e30 is empty', GREATER_OR_EQUAL, '1e30', MAX, MIN],
    ['> the greatest is empty', GREATER, '9223372036854775807', MAX, MIN],
    ['< the least is empty', LESS, '-9223372036854775808', MAX, MIN],
    ['<= 1e30 is all', LESS_OR_EQUAL, '1e30', MIN, MAX],
    ['= 3.5 is empty', EQUALS, '3.5', MAX, MIN],
  ])('%s', (_name, op, value, min, max) => {
    expect(time([op, value])).toEqual({ min, max });
  });

  test.each([
    '',
    'abc',
    '1 2',
    '0x10',
    '1e',
    '.',
    '--1',
    'NaN',
    'Infinity',
    '1'.repeat(1000),
    '1e9999',
  ])('garbage %j bounds nothing', (value) => {
    for (const op of Object.values(Operator))
      expect(time([op, value])).toEqual({ min: MIN, max: MAX });
  });

  test('both sides bound', () => {
    expect(time([GREATER, '2'], [LESS_OR_EQUAL, '9'])).toEqual({ min: 3n, max: 9n });
  });

  test('the values of an IN list are alternatives', () => {
    expect(time([EQUALS, '7'], [EQUALS, '3'], [EQUALS, '5'])).toEqual({ min: 3n, max: 7n });
    expect(time([EQUALS, '7'], [EQUALS, 'abc'])).toEqual({ min: MIN, max: MAX });
  });

  test('an IN list and a bound are both kept', () => {
    expect(time([EQUALS, '7'], [EQUALS, '3'], [GREATER, '4'])).toEqual({ min: 5n, max: 7n });
  });

  test('contradiction is empty', () => {
    expect(time([GREATER, '9'], [LESS, '2'])).toEqual({ min: MAX, max: MIN });
  });

  // A double is printed with 15 digits: the text may lie on the other side of a row.
  test('a float never drops a row that its rounding may have meant', () => {
    const meant = 1790000003123456789n;
    const text = '1.79000000312346e+18';
    expect(time([GREATER, text]).min).toBeLessThanOrEqual(meant);
    expect(time([LESS, text]).max).toBeGreaterThanOrEqual(meant);
    expect(time([GREATER, '3.0']).min).toBe(3n);
  });

  test('constraints on another column do not count', () => {
    expect(range(context('pid', [EQUALS, '1']), 'time')).toEqual({ min: MIN, max: MAX });
  });
});

describe('equals', () => {
  test('integers are compared as integers, however they are written', () => {
    const asked = context(
      'time',
      [EQUALS, '3.0'],
      [EQUALS, '+4'],
      [EQUALS, '007'],
      [EQUALS, '5.5'],
    );
    expect(equals(asked, 'time')).toEqual(new Set(['3', '4', '7']));
    const test = matcher(asked, 'time');
    expect([3, 4n, 7, 5, null].map((value) => test?.(value))).toEqual([
      true,
      true,
      true,
      false,
      false,
    ]);
  });

  test('text matches under every collation that SQLite has', () => {
    const test = matcher(context('shell', [EQUALS, 'BASH ']), 'shell');
    expect(['bash', 'BASH', 'Bash  ', 'zsh', '', null].map((value) => test?.(value))).toEqual([
      true,
      true,
      true,
      false,
      false,
      false,
    ]);
  });

  test('only ASCII letters fold', () => {
    expect(fold('ÄÖ İ')).toBe('ÄÖ İ');
  });

  test.each<[string, QueryContext, string]>([
    ['nothing is asked', context('time'), 'time'],
    ['a value is no integer that is known', context('time', [EQUALS, '1'], [EQUALS, 'x']), 'time'],
    ['a float stands for many integers', context('time', [EQUALS, '1.79000000312346e+18']), 'time'],
    ['the column is a DOUBLE', context('load', [EQUALS, '1']), 'load'],
    ['the column is not used', context('pid', [EQUALS, '1']), 'pid'],
    ['there is a bound only', context('time', [GREATER, '1']), 'time'],
  ])('filters nothing when %s', (_name, asked, column) => {
    expect(equals(asked, column)).toBeNull();
    expect(matcher(asked, column)).toBeNull();
  });
});
