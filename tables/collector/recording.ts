/**
 * A recording of a kernel ring buffer, to stand in for it: in tests, and where BPF is not to be had.
 * Format: for each record a u32 length and its bytes, little endian, nothing else.
 */
import { type Event, keptCell } from '../event.ts';
import type { Assembler } from './capture.ts';

const LENGTH_BYTES = 4;

/** One record as a recording holds it. */
export function recordBytes(view: DataView, offset: number, length: number): Buffer {
  const bytes = Buffer.alloc(LENGTH_BYTES + length);
  bytes.writeUInt32LE(length);
  bytes.set(new Uint8Array(view.buffer, view.byteOffset + offset, length), LENGTH_BYTES);
  return bytes;
}

/** Feed a recording to an assembler. @returns its events, and how many records made no sense */
export function replay(
  recording: Uint8Array,
  assembler: Assembler,
): { events: Event[]; unreadable: number } {
  const view = new DataView(recording.buffer, recording.byteOffset, recording.byteLength);
  const events: Event[] = [];
  let unreadable = 0;
  for (let at = 0; at < view.byteLength; ) {
    const length = at + LENGTH_BYTES <= view.byteLength ? view.getUint32(at, true) : Infinity;
    at += LENGTH_BYTES;
    if (length > view.byteLength - at) {
      unreadable++; // the recording was cut short
      break;
    }
    const event = assembler.accept(view, at, length);
    if (event === 'unreadable') unreadable++;
    else if (event !== null) events.push(kept(event));
    at += length;
  }
  return { events, unreadable };
}

/** The event apart from its maker's memory. */
export function kept(event: Event): Event {
  return event.map(keptCell);
}
