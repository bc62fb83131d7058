/**
 * What a table may skip, read from the pushed constraints. Every answer is a superset of what SQLite
 * will keep: where a constraint cannot be understood with certainty there is no bound.
 */
import { Operator, type QueryContext } from './context.ts';
import { integerBounds } from './integer-bounds.ts';
import type { Value } from './spec.ts';

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

/** Inclusive. Empty when `min > max`; both are always int64. */
export interface Range {
  readonly min: bigint;
  readonly max: bigint;
}

const EMPTY: Range = { min: INT64_MAX, max: INT64_MIN };

/** The values of an integer column that can match; the whole of int64 without a constraint. */
export function range(context: QueryContext, column: string): Range {
  let min = INT64_MIN;
  let max = INT64_MAX;
  // Several EQUALS are alternatives: together they bound from the least to the greatest.
  let least: bigint | undefined;
  let greatest: bigint | undefined;
  let equalsKnown = true;
  for (const { column: name, op, value } of context.constraints) {
    if (name !== column) continue;
    const bounds = integerBounds(value);
    if (bounds === undefined) {
      if (op === Operator.EQUALS) equalsKnown = false;
      continue;
    }
    switch (op) {
      case Operator.EQUALS:
        if (least === undefined || bounds.ceil < least) least = bounds.ceil;
        if (greatest === undefined || bounds.floor > greatest) greatest = bounds.floor;
        break;
      case Operator.GREATER:
        min = larger(min, bounds.exact ? bounds.floor + 1n : bounds.ceil);
        break;
      case Operator.GREATER_OR_EQUAL:
        min = larger(min, bounds.ceil);
        break;
      case Operator.LESS:
        max = smaller(max, bounds.exact ? bounds.ceil - 1n : bounds.floor);
        break;
      case Operator.LESS_OR_EQUAL:
        max = smaller(max, bounds.floor);
        break;
    }
  }
  if (equalsKnown && least !== undefined && greatest !== undefined) {
    min = larger(min, least);
    max = smaller(max, greatest);
  }
  return min > max ? EMPTY : { min, max };
}

/**
 * The alternatives that EQUALS constraints leave for a column, each folded by `fold`; null when
 * nothing is known. Test with `set.has(fold(String(value)))`, or use `matcher`.
 */
export function equals(context: QueryContext, column: string): ReadonlySet<string> | null {
  const type = context.columns.find((c) => c.name === column)?.type;
  if (type === undefined || type === 'DOUBLE') return null;
  const values = new Set<string>();
  let constrained = false;
  for (const { column: name, op, value } of context.constraints) {
    if (name !== column || op !== Operator.EQUALS) continue;
    constrained = true;
    if (type === 'TEXT') {
      values.add(fold(value));
      continue;
    }
    const bounds = integerBounds(value);
    if (bounds === undefined || bounds.floor > bounds.ceil) return null;
    // 3.5 equals no integer.
    if (bounds.floor === bounds.ceil) values.add(String(bounds.floor));
  }
  return constrained ? values : null;
}

/** Whether a column's value can match its EQUALS constraints; null when all can. */
export function matcher(context: QueryContext, column: string): ((value: Value) => boolean) | null {
  const values = equals(context, column);
  return values && among(values);
}

/** Whether a value is one of what `equals` gave. */
export const among =
  (values: ReadonlySet<string>) =>
  (value: Value): boolean =>
    // NULL equals nothing.
    value !== null && values.has(typeof value === 'string' ? fold(value) : String(value));

/**
 * osquery does not say with which collation SQLite compares: 'BASH' COLLATE NOCASE is pushed as an
 * ordinary EQUALS. So text is compared as NOCASE (ASCII letters) and RTRIM (spaces) would; SQLite
 * then filters exactly. Digits fold to themselves.
 */
export function fold(text: string): string {
  return text.replace(/[A-Z]+/g, (upper) => upper.toLowerCase()).replace(/ +$/, '');
}

const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b);
const smaller = (a: bigint, b: bigint): bigint => (a < b ? a : b);
