/**
 * What was bound to $1, $2 …: a Bind message (PostgreSQL documentation, "Message Formats") to JSON. Pure; the
 * message is a client's and may lie.
 */
import { withinBounds } from '../events/bounded.ts';
import { toText } from '../events/text.ts';
import { decodeBinary } from './binary-values.ts';

const TEXT_FORMAT = 0;
const NULL_LENGTH = -1;
/** Brackets and commas are counted with the values. */
const SEPARATOR_BYTES = 1;

interface Value {
  /** 0 text, 1 binary */
  readonly format: number;
  readonly bytes: Buffer | null;
}

/** The values of a Bind message; null where its lengths contradict each other. */
export const parseBind = (message: Buffer): Value[] | null =>
  withinBounds(() => {
    let at = message.indexOf(0) + 1; // portal
    if (at === 0) return null;
    at = message.indexOf(0, at) + 1; // statement
    if (at === 0) return null;
    const formats: number[] = [];
    const formatCount = message.readUInt16BE(at);
    at += 2;
    for (let i = 0; i < formatCount; i++, at += 2) formats.push(message.readUInt16BE(at));
    const count = message.readUInt16BE(at);
    at += 2;
    const values: Value[] = [];
    for (let i = 0; i < count; i++) {
      const length = message.readInt32BE(at);
      at += 4;
      // One format stands for all, none for text.
      const format =
        formats.length === 1 ? (formats[0] ?? TEXT_FORMAT) : (formats[i] ?? TEXT_FORMAT);
      if (length === NULL_LENGTH) {
        values.push({ format, bytes: null });
        continue;
      }
      if (length < 0 || at + length > message.length) return null;
      values.push({ format, bytes: message.subarray(at, at + length) });
      at += length;
    }
    return values;
  });

/**
 * A JSON array with one element for each parameter: its text as PostgreSQL writes it; null; `{"oid", "hex"}` of
 * a type that is not decoded; `{"length"}` in bytes of one that has no room in `maxBytes`.
 * @param message the Bind message
 * @param types OIDs; missing ones are not known
 * @returns null where the message makes no sense
 */
export function bindValues(
  message: Buffer,
  types: readonly number[],
  maxBytes: number,
): string | null {
  const values = parseBind(message);
  if (values === null) return null;
  const parts: string[] = [];
  let used = 2;
  for (const [i, { format, bytes }] of values.entries()) {
    const whole = bytes === null ? 'null' : jsonOf(bytes, format, types[i] ?? 0, maxBytes - used);
    parts.push(whole);
    used += Buffer.byteLength(whole) + SEPARATOR_BYTES;
  }
  return `[${parts.join(',')}]`;
}

function jsonOf(bytes: Buffer, format: number, oid: number, room: number): string {
  const omitted = `{"length":${bytes.length}}`;
  if (bytes.length > room) return omitted; // no text is shorter than the bytes of what can be large
  const text = format === TEXT_FORMAT ? toText(bytes) : decodeBinary(bytes, oid);
  const json = JSON.stringify(text ?? { oid, hex: bytes.toString('hex') });
  return Buffer.byteLength(json) > Math.max(room, omitted.length) ? omitted : json;
}
