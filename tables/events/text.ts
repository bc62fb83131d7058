/** Text from a process's memory: any bytes, to be stored as whole UTF-8. */
import { isUtf8 } from 'node:buffer';

const CONTINUATION = 0x80;
const CONTINUATION_MASK = 0xc0;

/** Length of the well-formed UTF-8 sequence at `at`, or 0. */
function sequenceAt(bytes: Buffer, at: number): number {
  const lead = bytes[at] ?? 0;
  const length =
    lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
  return length > 0 && isUtf8(bytes.subarray(at, at + length)) && at + length <= bytes.length
    ? length
    : 0;
}

/** The bytes as text; each byte that belongs to no well-formed UTF-8 sequence becomes `\xHH`. */
export function toText(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString('utf8');
  const parts: string[] = [];
  let start = 0;
  for (let at = 0; at < bytes.length; ) {
    const length = sequenceAt(bytes, at);
    if (length > 0) {
      at += length;
      continue;
    }
    parts.push(bytes.toString('utf8', start, at));
    parts.push(`\\x${(bytes[at] ?? 0).toString(16).padStart(2, '0')}`);
    at++;
    start = at;
  }
  parts.push(bytes.toString('utf8', start));
  return parts.join('');
}

/** The same for a cell of an event: bytes that are whole UTF-8 stay bytes. */
export function textCell(bytes: Buffer): Buffer | string {
  return isUtf8(bytes) ? bytes : toText(bytes);
}

/** At most `max` bytes, not cutting a UTF-8 sequence in two. */
export function cutText(bytes: Buffer, max: number): Buffer {
  if (bytes.length <= max) return bytes;
  let end = max;
  while (end > max - 3 && end > 0 && ((bytes[end] ?? 0) & CONTINUATION_MASK) === CONTINUATION)
    end--;
  return bytes.subarray(0, sequenceAt(bytes, end) > 0 ? end : max);
}
