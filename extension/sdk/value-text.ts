/** A value as osquery reads it. */
import type { ColumnType, Value } from './spec.ts';

/** Digits only: no exponent in an integer. Undefined for NULL, which NaN is too. */
export function textOf(value: Value, type: ColumnType | undefined): string | undefined {
  if (typeof value === 'string') return value;
  if (value === null) return undefined;
  if (typeof value === 'bigint') return String(value);
  if (!Number.isFinite(value)) return undefined;
  const isInteger = type === 'INTEGER' || type === 'BIGINT';
  return String(isInteger && !Number.isSafeInteger(value) ? BigInt(Math.trunc(value)) : value);
}

/** UTF-8 bytes of one UTF-16 unit, at most. */
export const UTF8_MAX = 3;
/** From here on counting a text's bytes costs less than the memory that a guess wastes. */
const LONG_TEXT = 4096;

/** As many bytes of UTF-8 as the text can be at most. */
export const utf8Bound = (text: string): number =>
  text.length < LONG_TEXT ? text.length * UTF8_MAX : Buffer.byteLength(text);
