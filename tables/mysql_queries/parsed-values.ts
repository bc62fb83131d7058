/**
 * Parameters of MySQL 8.0 and later, which the server has parsed when it begins: an array of PS_PARAM
 * (include/mysql/com_data.h) and the bytes that they point into, to JSON. Pure; both are a client's and may lie.
 */
import type { Binding } from './parameters.ts';
import { Values } from './values.ts';

/** struct PS_PARAM: a byte, enum_field_types, a bool, pointer and length of the value, and of a name. */
const Param = { null_bit: 0, type: 4, is_unsigned: 8, value: 16, length: 24, size: 48 } as const;

interface Place {
  readonly from: bigint;
  readonly length: bigint;
}

/**
 * @param array PS_PARAM for each parameter
 * @param bytes from the first value's on
 * @returns JSON; null where they do not fit
 */
export function parsedValues(
  array: Buffer,
  bytes: Buffer,
  { counts, longData, maxBytes }: Omit<Binding, 'types'>,
): string | null {
  const count = array.length / Param.size;
  if (!counts.includes(count)) return null;
  const places = Array.from({ length: count }, (_, i) => placeAt(array, i * Param.size));
  const begin = places.reduce(
    (first: bigint | null, place) =>
      place && (first === null || place.from < first) ? place.from : first,
    null,
  );
  const values = new Values(maxBytes);
  for (const [i, place] of places.entries()) {
    const at = i * Param.size;
    const type = array.readUInt32LE(at + Param.type);
    const long = longData?.get(i);
    if (long !== undefined) values.addLong(long, type);
    else if (place === null) values.add('null');
    else {
      const from = Number(place.from - (begin ?? 0n));
      const to = from + Number(place.length);
      const isUnsigned = array[at + Param.is_unsigned] === 1;
      if (to > bytes.length || !values.addBytes(bytes, { from, to }, type, isUnsigned)) return null;
    }
  }
  return values.json;
}

function placeAt(array: Buffer, at: number): Place | null {
  const from = array.readBigUInt64LE(at + Param.value);
  if (array[at + Param.null_bit] !== 0 || from === 0n) return null;
  return { from, length: array.readBigUInt64LE(at + Param.length) };
}
