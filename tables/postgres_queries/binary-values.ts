/**
 * Binary values of the wire protocol to the texts that PostgreSQL writes for them (DateStyle ISO, UTC). Pure; the
 * bytes are a client's. Formats: the `*_send` functions of each type in the server's sources, the same from
 * 10 to 18. OIDs: pg_type.dat.
 */
import { withinBounds } from '../events/bounded.ts';
import { toText } from '../events/text.ts';
import { ipv6 } from './identity.ts';

const US_PER_S = 1_000_000n;
const US_PER_DAY = 86_400n * US_PER_S;
/** 2000-01-01 as days of Unix time. */
const EPOCH_DAY = 10_957;
const MS_PER_DAY = 86_400_000;

const two = (n: number | bigint): string => String(n).padStart(2, '0');

/** `12:34:56.789` of microseconds that are not negative. */
function clock(us: bigint): string {
  const s = us / US_PER_S;
  const fraction = us % US_PER_S;
  const text = `${two(s / 3600n)}:${two((s / 60n) % 60n)}:${two(s % 60n)}`;
  return fraction === 0n ? text : `${text}.${String(fraction).padStart(6, '0').replace(/0+$/, '')}`;
}

/** `2026-11-21`, or ` BC` behind it; null beyond what a Date can be. */
function calendar(days: number): { date: string; era: string } | null {
  const time = new Date((days + EPOCH_DAY) * MS_PER_DAY);
  if (Number.isNaN(time.getTime())) return null;
  const year = time.getUTCFullYear();
  const shown = String(year > 0 ? year : 1 - year).padStart(4, '0');
  const date = `${shown}-${two(time.getUTCMonth() + 1)}-${two(time.getUTCDate())}`;
  return { date, era: year > 0 ? '' : ' BC' };
}

function date(bytes: Buffer): string | null {
  const days = bytes.readInt32BE(0);
  if (days === 0x7fffffff) return 'infinity';
  if (days === -0x80000000) return '-infinity';
  const at = calendar(days);
  return at && at.date + at.era;
}

function timestamp(bytes: Buffer, zone: string): string | null {
  const us = bytes.readBigInt64BE(0);
  if (us === 2n ** 63n - 1n) return 'infinity';
  if (us === -(2n ** 63n)) return '-infinity';
  const rest = ((us % US_PER_DAY) + US_PER_DAY) % US_PER_DAY;
  const at = calendar(Number((us - rest) / US_PER_DAY));
  return at && `${at.date} ${clock(rest)}${zone}${at.era}`;
}

function timetz(bytes: Buffer): string {
  const west = bytes.readInt32BE(8);
  const minutes = Math.floor(Math.abs(west) / 60);
  const rest = minutes % 60 === 0 ? '' : `:${two(minutes % 60)}`;
  return `${clock(bytes.readBigUInt64BE(0))}${west > 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}${rest}`;
}

/** IntervalStyle postgres. */
function interval(bytes: Buffer): string {
  const us = bytes.readBigInt64BE(0);
  const days = bytes.readInt32BE(8);
  const months = bytes.readInt32BE(12);
  const parts: string[] = [];
  let negative = false;
  const unit = (n: number, name: string) => {
    if (n === 0) return;
    parts.push(`${negative && n > 0 ? '+' : ''}${n} ${name}${n === 1 ? '' : 's'}`);
    negative = n < 0;
  };
  unit(Math.trunc(months / 12), 'year');
  unit(months % 12, 'mon');
  unit(days, 'day');
  if (us !== 0n || parts.length === 0) {
    const sign = us < 0n ? '-' : negative ? '+' : '';
    parts.push(sign + clock(us < 0n ? -us : us));
  }
  return parts.join(' ');
}

const NUMERIC_SIGNS: Readonly<Record<number, string>> = { 0: '', 16384: '-' };
const NUMERIC_SPECIAL: Readonly<Record<number, string>> = {
  49152: 'NaN',
  53248: 'Infinity',
  61440: '-Infinity',
};
const DIGITS_PER_WORD = 4;

/** Words of 4 decimal digits each; `weight` is that of the first, `scale` the digits behind the point. */
function numeric(bytes: Buffer): string | null {
  const count = bytes.readUInt16BE(0);
  const weight = bytes.readInt16BE(2);
  const sign = bytes.readUInt16BE(4);
  const scale = bytes.readUInt16BE(6);
  const special = NUMERIC_SPECIAL[sign];
  if (special !== undefined) return special;
  const prefix = NUMERIC_SIGNS[sign];
  if (prefix === undefined || bytes.length !== 8 + 2 * count) return null;
  const word = (i: number): string => {
    const value = i >= 0 && i < count ? bytes.readUInt16BE(8 + 2 * i) : 0;
    return String(value).padStart(DIGITS_PER_WORD, '0');
  };
  let whole = '';
  for (let i = 0; i <= weight; i++) whole += word(i);
  whole = whole.replace(/^0+/, '') || '0';
  let fraction = '';
  for (let i = weight + 1; fraction.length < scale; i++) fraction += word(i);
  return `${prefix}${whole}${scale > 0 ? `.${fraction.slice(0, scale)}` : ''}`;
}

/** Digits as PostgreSQL writes them since 12: the shortest that are read back the same. */
function float(value: number, digits: string): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? 'Infinity' : '-Infinity';
  if (Object.is(value, -0)) return '-0';
  const [mantissa = '', exponent] = digits.split('e');
  const power = exponent === undefined ? null : Number(exponent);
  if (power !== null) return `${mantissa}e${power < 0 ? '-' : '+'}${two(Math.abs(power))}`;
  return mantissa;
}

/** Where PostgreSQL goes over to exponents: below 1e-4, and from 1e15 (float8) or 1e6 (float4) on. */
function floatDigits(value: number, shortest: string, largest: number): string {
  const size = Math.abs(value);
  if (value !== 0 && Number.isFinite(value) && (size < 1e-4 || size >= largest))
    return Number(shortest).toExponential();
  return shortest;
}

/** The shortest decimal that is this float4. */
function shortestFloat4(value: number): string {
  for (let precision = 1; precision <= 9; precision++) {
    const text = value.toPrecision(precision);
    if (Math.fround(Number(text)) === value) return String(Number(text));
  }
  return String(value);
}

function uuid(bytes: Buffer): string {
  const hex = bytes.toString('hex');
  return [0, 8, 12, 16, 20].map((at, i, all) => hex.slice(at, all[i + 1] ?? 32)).join('-');
}

const INET_FAMILY = 2;

/** inet and cidr: family, bits of the netmask, is_cidr, bytes of the address. */
function inet(bytes: Buffer): string | null {
  const [family, bits = 0, isCidr, size = 0] = bytes;
  const address = bytes.subarray(4);
  if (address.length !== size) return null;
  const isV4 = family === INET_FAMILY;
  if (size !== (isV4 ? 4 : 16)) return null;
  const text = isV4 ? [...address].join('.') : ipv6(address);
  return isCidr === 1 || bits !== 8 * size ? `${text}/${bits}` : text;
}

function bits(bytes: Buffer): string | null {
  const count = bytes.readInt32BE(0);
  if (count < 0 || bytes.length !== 4 + Math.ceil(count / 8)) return null;
  let text = '';
  for (const byte of bytes.subarray(4)) text += byte.toString(2).padStart(8, '0');
  return text.slice(0, count);
}

const fixed =
  (length: number, decode: (bytes: Buffer) => string | null) =>
  (bytes: Buffer): string | null =>
    bytes.length === length ? decode(bytes) : null;

const DECODERS: Readonly<Record<number, (bytes: Buffer) => string | null>> = {
  16: fixed(1, (b) => (b[0] === 0 ? 'f' : 't')), // bool
  17: (b) => `\\x${b.toString('hex')}`, // bytea
  18: toText, // "char"
  19: toText, // name
  20: fixed(8, (b) => String(b.readBigInt64BE(0))), // int8
  21: fixed(2, (b) => String(b.readInt16BE(0))), // int2
  23: fixed(4, (b) => String(b.readInt32BE(0))), // int4
  25: toText, // text
  26: fixed(4, (b) => String(b.readUInt32BE(0))), // oid
  114: toText, // json
  142: toText, // xml
  650: inet, // cidr
  700: fixed(4, (b) => {
    const value = b.readFloatBE(0);
    return float(value, floatDigits(value, shortestFloat4(value), 1e6));
  }),
  701: fixed(8, (b) => {
    const value = b.readDoubleBE(0);
    return float(value, floatDigits(value, String(value), 1e15));
  }),
  705: toText, // unknown
  829: fixed(6, (b) => (b.toString('hex').match(/../g) ?? []).join(':')), // macaddr
  869: inet,
  1042: toText, // bpchar
  1043: toText, // varchar
  1082: fixed(4, date),
  1083: fixed(8, (b) => clock(b.readBigUInt64BE(0))), // time
  1114: fixed(8, (b) => timestamp(b, '')),
  1184: fixed(8, (b) => timestamp(b, '+00')), // timestamptz
  1186: fixed(16, interval),
  1266: fixed(12, timetz),
  1560: bits,
  1562: bits, // varbit
  1700: numeric,
  2950: fixed(16, uuid),
  3802: (b) => (b[0] === 1 ? toText(b.subarray(1)) : null), // jsonb: a version first
};

/** Arrays of these types. */
const ARRAYS = new Set([
  1000, 1001, 1002, 1003, 1005, 1007, 1009, 1014, 1015, 1016, 1021, 1022, 1028, 1041, 1115, 1182,
  1183, 1185, 1187, 1231, 1270, 199, 2951, 3807, 651, 1040, 1561, 1563,
]);

const NEEDS_QUOTES = /^$|^null$|[{}",\\\s]/i;
const MAX_DIMENSIONS = 6;

/** Dimensions, whether there are NULLs, the OID of the elements, size and lower bound of each dimension, elements. */
function array(bytes: Buffer): string | null {
  const dimensions = bytes.readInt32BE(0);
  const element = bytes.readUInt32BE(8);
  if (dimensions === 0) return '{}';
  if (dimensions < 0 || dimensions > MAX_DIMENSIONS) return null;
  const sizes = Array.from({ length: dimensions }, (_, i) => bytes.readInt32BE(12 + 8 * i));
  // Each element has a length of 4 bytes; an array without any has no dimensions.
  const elements = sizes.reduce((product, size) => product * size, 1);
  if (sizes.some((size) => size <= 0) || elements > bytes.length / 4) return null;
  let at = 12 + 8 * dimensions;
  const items = (depth: number): string | null => {
    const parts: string[] = [];
    for (let i = 0; i < (sizes[depth] ?? 0); i++) {
      const part = depth + 1 < dimensions ? items(depth + 1) : item();
      if (part === null) return null;
      parts.push(part);
    }
    return `{${parts.join(',')}}`;
  };
  const item = (): string | null => {
    const length = bytes.readInt32BE(at);
    at += 4;
    if (length === -1) return 'NULL';
    if (length < 0 || at + length > bytes.length) return null;
    const text = decodeBinary(bytes.subarray(at, at + length), element);
    at += length;
    if (text === null) return null;
    return NEEDS_QUOTES.test(text) ? `"${text.replace(/["\\]/g, '\\$&')}"` : text;
  };
  return items(0);
}

/** A value as text; null where its type is not known here or the bytes are none of it. */
export function decodeBinary(bytes: Buffer, oid: number): string | null {
  const decode = ARRAYS.has(oid) ? array : DECODERS[oid];
  return decode ? withinBounds(() => decode(bytes)) : null;
}
