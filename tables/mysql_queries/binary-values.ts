/**
 * Values of the binary protocol (MySQL's documentation of it, "Binary Protocol Value"; enum_field_types in
 * include/field_types.h and MariaDB's include/mysql_com.h) to JSON. Pure; the bytes are a client's.
 */
import { isUtf8 } from 'node:buffer';

/** enum enum_field_types, as far as a client can bind a value of it. */
export const FieldType = {
  DECIMAL: 0,
  TINY: 1,
  SHORT: 2,
  LONG: 3,
  FLOAT: 4,
  DOUBLE: 5,
  NULL: 6,
  TIMESTAMP: 7,
  LONGLONG: 8,
  INT24: 9,
  DATE: 10,
  TIME: 11,
  DATETIME: 12,
  YEAR: 13,
  VARCHAR: 15,
  BIT: 16,
  JSON: 245,
  NEWDECIMAL: 246,
  ENUM: 247,
  SET: 248,
  TINY_BLOB: 249,
  MEDIUM_BLOB: 250,
  LONG_BLOB: 251,
  BLOB: 252,
  VAR_STRING: 253,
  STRING: 254,
  GEOMETRY: 255,
} as const;

/** Bytes of the types that have so many always. */
const FIXED: Readonly<Record<number, number>> = {
  [FieldType.TINY]: 1,
  [FieldType.SHORT]: 2,
  [FieldType.LONG]: 4,
  [FieldType.FLOAT]: 4,
  [FieldType.DOUBLE]: 8,
  [FieldType.LONGLONG]: 8,
  [FieldType.NULL]: 0,
};
/** So the protocol's description; servers have read them as texts. */
const DESCRIBED: Readonly<Record<number, number>> = { [FieldType.YEAR]: 2, [FieldType.INT24]: 4 };
const TEMPORAL = new Set<number>([
  FieldType.TIMESTAMP,
  FieldType.DATETIME,
  FieldType.DATE,
  FieldType.TIME,
]);

/** Where a value's bytes are: behind a length, unless its type says how many. */
export interface Extent {
  readonly from: number;
  readonly to: number;
}

/**
 * @param asDescribed whether YEAR and INT24 are integers
 * @returns null where it does not end in the packet
 */
export function extentAt(
  packet: Buffer,
  at: number,
  type: number,
  asDescribed: boolean,
): Extent | null {
  const size = FIXED[type] ?? (asDescribed ? DESCRIBED[type] : undefined);
  const extent = size === undefined ? lengthAt(packet, at, type) : { from: at, length: size };
  if (extent === null || extent.from + extent.length > packet.length) return null;
  return { from: extent.from, to: extent.from + extent.length };
}

/** What a length-encoded integer begins with, and the bytes of the integer behind it. */
const WIDE_LENGTHS: Readonly<Record<number, number>> = { 252: 2, 253: 3, 254: 8 };
/** 0xfb is NULL of results, 0xff an error. */
const MAX_SHORT_LENGTH = 0xfa;

/** How long it is, and where it begins behind that. */
function lengthAt(
  packet: Buffer,
  at: number,
  type: number,
): { from: number; length: number } | null {
  const first = packet[at];
  if (first === undefined) return null;
  if (TEMPORAL.has(type) || first <= MAX_SHORT_LENGTH) return { from: at + 1, length: first };
  const width = WIDE_LENGTHS[first];
  if (width === undefined || at + 1 + width > packet.length) return null;
  const length =
    width === 8 ? Number(packet.readBigUInt64LE(at + 1)) : packet.readUIntLE(at + 1, width);
  return { from: at + 1 + width, length };
}

/** A value as JSON; null where the bytes are none of the type. */
export function jsonOf(bytes: Buffer, type: number, isUnsigned: boolean): string | null {
  switch (type) {
    case FieldType.NULL:
      return 'null';
    case FieldType.TINY:
    case FieldType.SHORT:
    case FieldType.LONG:
    case FieldType.LONGLONG:
    case FieldType.YEAR:
    case FieldType.INT24:
      if (bytes.length in INTEGERS && type in WIDTHS && WIDTHS[type] === bytes.length)
        return INTEGERS[bytes.length]?.(bytes, isUnsigned) ?? null;
      return text(bytes);
    case FieldType.FLOAT:
      return float(bytes.readFloatLE(0), shortestFloat);
    case FieldType.DOUBLE:
      return float(bytes.readDoubleLE(0), String);
    case FieldType.DATE:
    case FieldType.DATETIME:
    case FieldType.TIMESTAMP:
      return quoted(dateOf(bytes, type === FieldType.DATE));
    case FieldType.TIME:
      return quoted(timeOf(bytes));
    case FieldType.BIT:
    case FieldType.GEOMETRY:
      return hex(bytes);
    default:
      return text(bytes);
  }
}

const WIDTHS: Readonly<Record<number, number>> = { ...FIXED, ...DESCRIBED };
const INTEGERS: Readonly<Record<number, (bytes: Buffer, isUnsigned: boolean) => string>> = {
  1: (b, isUnsigned) => String(isUnsigned ? b.readUInt8(0) : b.readInt8(0)),
  2: (b, isUnsigned) => String(isUnsigned ? b.readUInt16LE(0) : b.readInt16LE(0)),
  4: (b, isUnsigned) => String(isUnsigned ? b.readUInt32LE(0) : b.readInt32LE(0)),
  8: (b, isUnsigned) => String(isUnsigned ? b.readBigUInt64LE(0) : b.readBigInt64LE(0)),
};

const hex = (bytes: Buffer): string => `{"hex":"${bytes.toString('hex')}"}`;
/** What is no UTF-8 is shown as it is: a client's character set is not known. */
const text = (bytes: Buffer): string =>
  isUtf8(bytes) ? JSON.stringify(bytes.toString('utf8')) : hex(bytes);
const quoted = (text: string | null): string | null => text && JSON.stringify(text);

const float = (value: number, digits: (value: number) => string): string =>
  Number.isFinite(value) ? digits(value) : JSON.stringify(String(value));

/** The shortest decimal that is this float. */
function shortestFloat(value: number): string {
  for (let precision = 1; precision <= 9; precision++) {
    const digits = value.toPrecision(precision);
    if (Math.fround(Number(digits)) === value) return String(Number(digits));
  }
  return String(value);
}

const two = (n: number): string => String(n).padStart(2, '0');
const fraction = (bytes: Buffer, at: number): string =>
  bytes.length > at ? `.${String(bytes.readUInt32LE(at)).padStart(6, '0')}` : '';

/** Year (2 bytes), month, day; hour, minute, second; µs (4 bytes): what is zero at the end may be left out. */
function dateOf(bytes: Buffer, isDate: boolean): string | null {
  if (![0, 4, 7, 11].includes(bytes.length)) return null;
  const [month = 0, day = 0, hour = 0, minute = 0, second = 0] = bytes.subarray(2);
  const year = bytes.length > 0 ? bytes.readUInt16LE(0) : 0;
  const date = `${String(year).padStart(4, '0')}-${two(month)}-${two(day)}`;
  if (isDate && bytes.length <= 4) return date;
  return `${date} ${two(hour)}:${two(minute)}:${two(second)}${fraction(bytes, 7)}`;
}

const HOURS_PER_DAY = 24;

/** Whether negative, days (4 bytes), hour, minute, second; µs (4 bytes). */
function timeOf(bytes: Buffer): string | null {
  if (![0, 8, 12].includes(bytes.length)) return null;
  if (bytes.length === 0) return '00:00:00';
  const hours = bytes.readUInt32LE(1) * HOURS_PER_DAY + (bytes[5] ?? 0);
  const sign = bytes[0] === 0 ? '' : '-';
  return `${sign}${two(hours)}:${two(bytes[6] ?? 0)}:${two(bytes[7] ?? 0)}${fraction(bytes, 8)}`;
}
