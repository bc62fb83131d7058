/** A number as SQLite prints it → the integers next to it. */

export interface IntegerBounds {
  /** The greatest integer that can be ≤ the number, and the least that can be ≥ it. */
  readonly floor: bigint;
  readonly ceil: bigint;
  /** The text is the number itself, so that `>` and `<` exclude it. */
  readonly exact: boolean;
}

/** SQLite prints a double in at most 25 characters; bigint arithmetic on more is not worth it. */
const MAX_LENGTH = 64;
/** Doubles end at 1e308. */
const MAX_EXPONENT = 400;
/** sqlite3_value_text prints 15 significant digits: a double is within 1 part in 10^14 of its text. */
const PRINTED_PRECISION = 10n ** 14n;

const INTEGER = /^[+-]?\d+$/;
const FLOAT = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,4}))?$/;

/**
 * Undefined for text that is not a number. A float's bounds are widened by what printing may have
 * rounded away (`time_ns > 1790000003123456789.0` arrives as "1.79000000312346e+18", which is
 * larger), so `floor` may be above `ceil`: all integers between are possible.
 */
export function integerBounds(text: string): IntegerBounds | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  if (INTEGER.test(text)) {
    const value = BigInt(text.replace(/^\+/, ''));
    return { floor: value, ceil: value, exact: true };
  }
  const match = FLOAT.exec(text);
  if (match === null) return undefined;
  const [, sign, whole = '', fraction = '', exponentText = '0'] = match;
  if (whole === '' && fraction === '') return undefined;
  const exponent = Number(exponentText) - fraction.length;
  if (Math.abs(exponent) > MAX_EXPONENT) return undefined;
  const digits = BigInt(whole + fraction) * (sign === '-' ? -1n : 1n);
  const numerator = (exponent > 0 ? digits * 10n ** BigInt(exponent) : digits) * PRINTED_PRECISION;
  const denominator = (exponent < 0 ? 10n ** BigInt(-exponent) : 1n) * PRINTED_PRECISION;
  const error = (numerator < 0n ? -numerator : numerator) / PRINTED_PRECISION;
  return {
    floor: floorDivide(numerator + error, denominator),
    ceil: -floorDivide(-(numerator - error), denominator),
    exact: false,
  };
}

/** bigint division truncates toward zero. @param divisor over 0 */
function floorDivide(dividend: bigint, divisor: bigint): bigint {
  const quotient = dividend / divisor;
  return dividend % divisor < 0n ? quotient - 1n : quotient;
}
