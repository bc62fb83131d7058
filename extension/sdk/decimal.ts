/** Integers → decimal digits in memory, without a string between. */

const ZERO = 0x30;
const MINUS = 0x2d;
const TWO_32 = 2 ** 32;
const TWO_16 = 2 ** 16;
/** Nine digits at once fit an i32. */
const BILLION = 1_000_000_000;
const NINE = 9;
/** -9223372036854775808. */
export const MAX_DIGITS = 20;

/**
 * @param high, low the words of an i64 in two's complement: high as i32, low as u32
 * @returns the offset behind the digits
 */
export function writeI64(bytes: Uint8Array, at: number, high: number, low: number): number {
  if (high >= 0) return writeU64(bytes, at, high, low);
  bytes[at] = MINUS;
  // -x is ~x + 1; of the least i64 that is 2^63, which the unsigned digits hold.
  return low === 0
    ? writeU64(bytes, at + 1, -high >>> 0, 0)
    : writeU64(bytes, at + 1, ~high >>> 0, TWO_32 - low);
}

function writeU64(bytes: Uint8Array, at: number, high: number, low: number): number {
  if (high < TWO_32 / 2048) return writeNatural(bytes, at, high * TWO_32 + low);
  // Long division by 10^9, 16 bits at a time: every intermediate is exact in a double.
  let quotient = Math.floor(high / BILLION);
  let rest = high - quotient * BILLION;
  for (const digit of [low >>> 16, low & 0xffff]) {
    const dividend = rest * TWO_16 + digit;
    const part = Math.floor(dividend / BILLION);
    quotient = quotient * TWO_16 + part;
    rest = dividend - part * BILLION;
  }
  return writePadded(bytes, writeNatural(bytes, at, quotient), rest);
}

function writeNatural(bytes: Uint8Array, at: number, value: number): number {
  if (value < BILLION) return writeSmall(bytes, at, value | 0);
  const quotient = Math.floor(value / BILLION);
  return writePadded(bytes, writeNatural(bytes, at, quotient), value - quotient * BILLION);
}

/** @param value below 10^9 */
function writeSmall(bytes: Uint8Array, at: number, value: number): number {
  let digits = 1;
  for (let power = 10; digits < NINE && value >= power; power *= 10) digits++;
  let rest = value;
  for (let i = at + digits - 1; i >= at; i--) {
    const next = (rest / 10) | 0;
    bytes[i] = ZERO + rest - next * 10;
    rest = next;
  }
  return at + digits;
}

/** Nine digits, zeros in front. */
function writePadded(bytes: Uint8Array, at: number, value: number): number {
  let rest = value | 0;
  for (let i = at + NINE - 1; i >= at; i--) {
    const next = (rest / 10) | 0;
    bytes[i] = ZERO + rest - next * 10;
    rest = next;
  }
  return at + NINE;
}
