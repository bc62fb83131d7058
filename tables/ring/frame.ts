/** Reading the frame words around records and pads in bytes that may be anything. */
import {
  FRAME_BYTES,
  PAD,
  RECORD,
  RECORD_EID,
  RECORD_NULLS,
  RECORD_SOURCE,
  roundedI64,
  type Views,
} from './layout.ts';

const SMALLEST_RECORD = RECORD_NULLS + FRAME_BYTES;

/**
 * The length of the frame that begins at `at`, or 0 where no sound one does.
 * @param room bytes from `at` that the frame may take at most
 */
export function frameLength(views: Views, at: number, room: number): number {
  const word = at >>> 2;
  const length = views.u32[word] ?? 0;
  const kind = views.u32[word + 1];
  if ((length & 7) !== 0 || length > room) return 0;
  if (kind === RECORD) return length >= SMALLEST_RECORD ? length : 0;
  return kind === PAD && length >= FRAME_BYTES ? length : 0;
}

/** The length that the frame word ending at `end` tells, or 0. The frame's beginning is still to be checked. */
export function lengthBefore(views: Views, end: number, room: number): number {
  const length = views.u32[(end - FRAME_BYTES) >>> 2] ?? 0;
  return length >= FRAME_BYTES && (length & 7) === 0 && length <= room ? length : 0;
}

/** Whether the frame at `at` ends with the word that it began with. */
export function isClosed(views: Views, at: number, length: number): boolean {
  const first = at >>> 2;
  const last = (at + length - FRAME_BYTES) >>> 2;
  return views.u32[first] === views.u32[last] && views.u32[first + 1] === views.u32[last + 1];
}

export function isPad(views: Views, at: number): boolean {
  return views.u32[(at >>> 2) + 1] === PAD;
}

/** The eid of the record at `at`; any number where the bytes are no record's. */
export function eidAt(views: Views, at: number): number {
  return roundedI64(views, at + RECORD_EID);
}

/** The source of the record at `at`, likewise. */
export function sourceAt(views: Views, at: number): number {
  return roundedI64(views, at + RECORD_SOURCE);
}

export function writeFrame(views: Views, at: number, length: number, kind: number): void {
  const first = at >>> 2;
  const last = (at + length - FRAME_BYTES) >>> 2;
  views.u32[first] = length;
  views.u32[first + 1] = kind;
  views.u32[last] = length;
  views.u32[last + 1] = kind;
}
