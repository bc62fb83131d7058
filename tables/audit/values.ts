/** Values of audit records: from bytes to text and numbers. What makes no sense is null. */
import { toText } from '../events/text.ts';

const QUOTE = 0x22;
const ZERO = 0x30;
const NINE = 0x39;
const MINUS = 0x2d;
const PARENTHESIS = 0x28;
const QUESTION = 0x3f;
const ASCII_END = 0x80;

/** `4294967295` and `-1`: no login user, no session. */
export const UNSET_ID = 4_294_967_295;

export function startsWith(bytes: Uint8Array, at: number, word: Uint8Array): boolean {
  for (let i = 0; i < word.length; i++) if (bytes[at + i] !== word[i]) return false;
  return true;
}

/** A decimal number from -2^53 to 2^53, or null. */
export function decimal(bytes: Uint8Array, at: number, end: number): number | null {
  const negative = bytes[at] === MINUS;
  let i = negative ? at + 1 : at;
  if (i >= end) return null;
  let value = 0;
  for (; i < end; i++) {
    const byte = bytes[i] ?? 0;
    if (byte < ZERO || byte > NINE) return null;
    value = value * 10 + (byte - ZERO);
  }
  if (value > Number.MAX_SAFE_INTEGER) return null;
  return negative ? -value : value;
}

/** A user, group or session: `-1` of old kernels is `4294967295`. */
export function id(bytes: Uint8Array, at: number, end: number): number | null {
  const value = decimal(bytes, at, end);
  return value === -1 ? UNSET_ID : value;
}

/** The value of each hexadecimal digit by its byte; -1 for what is none. */
const HEX_DIGIT = Int8Array.from({ length: 256 }, (_, byte) =>
  '0123456789abcdef'.indexOf(String.fromCharCode(byte).toLowerCase()),
);

/** A hexadecimal number without sign, of which the lower 32 bits are given; null where it is none. */
export function hex32(bytes: Uint8Array, at: number, end: number): number | null {
  if (at >= end) return null;
  let value = 0;
  for (let i = at; i < end; i++) {
    const digit = HEX_DIGIT[bytes[i] ?? 0] ?? -1;
    if (digit < 0) return null;
    value = (value << 4) | digit;
  }
  return value >>> 0;
}

/**
 * The bytes of a value as the kernel encodes what comes from users: `"quoted"` where all is printable ASCII
 * other than the quote, else pairs of hex digits. `(null)`, `(none)` and `?` are null.
 * A value that is neither is taken as it stands.
 */
export function encodedBytes(bytes: Buffer, at: number, end: number): Buffer | null {
  if (bytes[at] === QUOTE) return bytes.subarray(at + 1, unquotedEnd(bytes, at, end));
  if (isNothing(bytes, at, end)) return null;
  return unhex(bytes, at, end) ?? bytes.subarray(at, end);
}

/** Whether it is as the kernel encodes it. */
export const isEncoded = (bytes: Buffer, at: number, end: number): boolean =>
  bytes[at] === QUOTE || isNothing(bytes, at, end) || unhex(bytes, at, end) !== null;

/** The same as text. */
export function encodedText(bytes: Buffer, at: number, end: number): string | null {
  if (bytes[at] === QUOTE) return plainText(bytes, at + 1, unquotedEnd(bytes, at, end));
  const decoded = encodedBytes(bytes, at, end);
  return decoded === null ? null : toText(decoded);
}

/** A value that is never hex, such as `tty=pts0`, quoted or not; `(null)`, `(none)` and `?` are null. */
export function wordText(bytes: Buffer, at: number, end: number): string | null {
  if (bytes[at] === QUOTE) return plainText(bytes, at + 1, unquotedEnd(bytes, at, end));
  return isNothing(bytes, at, end) ? null : plainText(bytes, at, end);
}

/** The same short texts come again and again: a string of each is kept, by a hash of its bytes. */
const KEPT_TEXTS = 2048;
const KEPT_LENGTH = 64;
const kept: string[] = new Array(KEPT_TEXTS).fill('');

/** Bytes as text; quick where all are ASCII. */
export function plainText(bytes: Buffer, at: number, end: number): string {
  let hash = 0;
  let all = 0;
  for (let i = at; i < end; i++) {
    const byte = bytes[i] ?? 0;
    all |= byte;
    hash = (Math.imul(hash, 31) + byte) | 0;
  }
  if (all >= ASCII_END) return toText(bytes.subarray(at, end));
  if (end - at > KEPT_LENGTH) return bytes.toString('latin1', at, end);
  const slot = hash & (KEPT_TEXTS - 1);
  const before = kept[slot] ?? '';
  if (isText(before, bytes, at, end)) return before;
  const text = bytes.toString('latin1', at, end);
  kept[slot] = text;
  return text;
}

function isText(text: string, bytes: Uint8Array, at: number, end: number): boolean {
  if (text.length !== end - at) return false;
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) !== bytes[at + i]) return false;
  return true;
}

/** Pairs of hex digits as bytes, or null where it is anything else. */
export function unhex(bytes: Uint8Array, at: number, end: number): Buffer | null {
  const length = end - at;
  if (length === 0 || length % 2 !== 0) return null;
  const decoded = Buffer.allocUnsafe(length / 2);
  for (let i = 0; i < decoded.length; i++) {
    const high = HEX_DIGIT[bytes[at + 2 * i] ?? 0] ?? -1;
    const low = HEX_DIGIT[bytes[at + 2 * i + 1] ?? 0] ?? -1;
    if ((high | low) < 0) return null;
    decoded[i] = (high << 4) | low;
  }
  return decoded;
}

/** Behind the text of a quoted value whose closing quote may be missing. */
function unquotedEnd(bytes: Uint8Array, at: number, end: number): number {
  return end - 1 > at && bytes[end - 1] === QUOTE ? end - 1 : end;
}

const NOTHING = ['(null)', '(none)'].map((text) => Buffer.from(text));

function isNothing(bytes: Uint8Array, at: number, end: number): boolean {
  if (at >= end) return true;
  if (bytes[at] === QUESTION) return end - at === 1;
  if (bytes[at] !== PARENTHESIS) return false;
  return NOTHING.some((text) => text.equals(bytes.subarray(at, end)));
}

const KEY_SEPARATOR = '\u0001';

/** The keys of a rule, with commas between them: the kernel joins several `-k` by a byte 1. */
export function keyText(bytes: Buffer, at: number, end: number): string | null {
  const text = encodedText(bytes, at, end);
  return text?.includes(KEY_SEPARATOR) ? text.replaceAll(KEY_SEPARATOR, ',') : text;
}
