/** The records of texts: each holds one, or a part of it. */
import { RecordFlag, RecordHeader, TextRecord } from '../../native/events.ts';
import type { RecordMemory } from '../events/record-memory.ts';

/** A part of a text. */
export interface Chunk {
  readonly bytes: Buffer | null;
  readonly last: boolean;
  readonly readFailed: boolean;
  readonly cut: boolean;
  /** Length of the whole text, bytes; valid with `last`. */
  readonly total: number;
}

/** @param keep whether its bytes are of use, or only its length */
export function chunkAt(
  memory: RecordMemory,
  view: DataView,
  offset: number,
  keep: boolean,
): Chunk {
  const size = view.getUint32(offset + TextRecord.size, true);
  const flags = view.getUint16(offset + RecordHeader.flags, true);
  return {
    bytes: keep ? memory.part(view, offset + TextRecord.text, size) : null,
    last: (flags & RecordFlag.LAST) !== 0,
    readFailed: (flags & RecordFlag.READ_FAILED) !== 0,
    cut: (flags & RecordFlag.TEXT_CUT) !== 0,
    total: view.getUint32(offset + TextRecord.total, true),
  };
}

export const hasFlag = (view: DataView, offset: number, flag: number): boolean =>
  (view.getUint16(offset + RecordHeader.flags, true) & flag) !== 0;
