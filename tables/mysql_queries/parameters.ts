/**
 * What a prepared statement was executed with: the packets of COM_STMT_EXECUTE and COM_STMT_BULK_EXECUTE (MySQL's and
 * MariaDB's documentation of the protocol) to JSON. Pure; a packet is a client's and may lie.
 */
import { extentAt } from './binary-values.ts';
import { type LongData, Values } from './values.ts';

/** Statement id (4 bytes), flags of a cursor (1), iterations (4). */
export const EXECUTE_HEADER = 9;
/** Statement id (4 bytes), flags (2). */
const BULK_HEADER = 6;
const BULK_SENDS_TYPES = 128;
const TYPE_BYTES = 2;
const UNSIGNED = 0x80;
/** What each value of a bulk packet begins with. */
const Indicator = { NONE: 0, NULL: 1, DEFAULT: 2, IGNORE: 3 } as const;

export interface Decoded {
  /** A JSON array. */
  readonly json: string;
  /** Types as they were sent: 2 bytes each. */
  readonly types: Buffer;
}

export interface Binding {
  /** How many parameters there may be. */
  readonly counts: readonly number[];
  /** Types that were sent before; null: none are known. */
  readonly types: Buffer | null;
  /** By number of the parameter. */
  readonly longData: ReadonlyMap<number, LongData> | null;
  /** Longest JSON, bytes; a value without room is `{"length": bytes}`. */
  readonly maxBytes: number;
}

type Decode = (
  packet: Buffer,
  count: number,
  binding: Binding,
  asDescribed: boolean,
) => Decoded | null;

/** The values of an execution; null where the packet makes no sense, or more than one. */
export const decodeExecute = (packet: Buffer, binding: Binding): Decoded | null =>
  theOnly(execute, packet, binding);

/** An array of the values of each row; at its end `{"rows": n}` where n more have no room. */
export const decodeBulk = (packet: Buffer, binding: Binding): Decoded | null =>
  theOnly(bulk, packet, binding);

/** Decode for each count that is possible: the one that fits the packet's length to the byte. */
function theOnly(decode: Decode, packet: Buffer, binding: Binding): Decoded | null {
  for (const asDescribed of [true, false]) {
    const found = new Map<string, Decoded>();
    for (const count of binding.counts) {
      const decoded = decode(packet, count, binding, asDescribed);
      if (decoded !== null) found.set(decoded.json, decoded);
    }
    const [first] = found.values();
    if (first !== undefined) return found.size === 1 ? first : null;
  }
  return null;
}

function execute(
  packet: Buffer,
  count: number,
  { types, longData, maxBytes }: Binding,
  asDescribed: boolean,
): Decoded | null {
  if (packet.length < EXECUTE_HEADER) return null;
  if (count === 0) return { json: '[]', types: Buffer.alloc(0) }; // what follows is not looked at
  const bitmap = packet.subarray(EXECUTE_HEADER, EXECUTE_HEADER + Math.ceil(count / 8));
  let at = EXECUTE_HEADER + bitmap.length;
  const sent = packet[at++];
  if (sent === undefined || sent > 1) return null;
  const known = sent === 1 ? packet.subarray(at, at + TYPE_BYTES * count) : types;
  if (known?.length !== TYPE_BYTES * count) return null;
  if (sent === 1) at += known.length;
  const values = new Values(maxBytes);
  for (let i = 0; i < count; i++) {
    const type = known[TYPE_BYTES * i] ?? 0;
    const isUnsigned = ((known[TYPE_BYTES * i + 1] ?? 0) & UNSIGNED) !== 0;
    const long = longData?.get(i);
    if (long !== undefined) values.addLong(long, type);
    else if (((bitmap[i >> 3] ?? 0) >> (i & 7)) & 1) values.add('null');
    else {
      const extent = extentAt(packet, at, type, asDescribed);
      if (!extent || !values.addBytes(packet, extent, type, isUnsigned)) return null;
      at = extent.to;
    }
  }
  return at === packet.length ? { json: values.json, types: Buffer.from(known) } : null;
}

function bulk(
  packet: Buffer,
  count: number,
  { types, maxBytes }: Binding,
  asDescribed: boolean,
): Decoded | null {
  if (count === 0 || packet.length < BULK_HEADER) return null;
  const flags = packet.readUInt16LE(BULK_HEADER - 2);
  const sends = (flags & BULK_SENDS_TYPES) !== 0;
  const known = sends ? packet.subarray(BULK_HEADER, BULK_HEADER + TYPE_BYTES * count) : types;
  if (known?.length !== TYPE_BYTES * count) return null;
  let at = BULK_HEADER + (sends ? known.length : 0);
  const rows = new Values(maxBytes);
  let omitted = 0;
  while (at < packet.length) {
    const row = new Values(rows.room);
    for (let i = 0; i < count; i++) {
      const type = known[TYPE_BYTES * i] ?? 0;
      const indicator = packet[at++];
      if (indicator === undefined || indicator > Indicator.IGNORE) return null;
      if (indicator === Indicator.NULL) row.add('null');
      else if (indicator === Indicator.DEFAULT) row.add('{"default":true}');
      else if (indicator === Indicator.IGNORE) row.add('{"ignore":true}');
      else {
        const extent = extentAt(packet, at, type, asDescribed);
        const isUnsigned = ((known[TYPE_BYTES * i + 1] ?? 0) & UNSIGNED) !== 0;
        if (!extent || !row.addBytes(packet, extent, type, isUnsigned)) return null;
        at = extent.to;
      }
    }
    if (rows.room > 0) rows.add(row.json);
    else omitted++;
  }
  if (omitted > 0) rows.add(`{"rows":${omitted}}`);
  return { json: rows.json, types: Buffer.from(known) };
}
