/** The bytes of an executable's segments, and where in its code what is called. */
import type { Elf, Segment } from '../../native/elf.ts';

/** A server has 10 MB of code and data. */
const MAX_SEGMENT_BYTES = 64 * 1024 * 1024;

export interface Loaded {
  readonly segment: Segment;
  readonly bytes: Buffer;
}

const loadedOf = new WeakMap<Elf, readonly Loaded[]>();

/** The bytes of the segments, read once for all questions to one file. */
export function loaded(elf: Elf): readonly Loaded[] {
  let all = loadedOf.get(elf);
  if (!all) {
    all = elf.segments
      .filter(({ fileSize }) => fileSize > 0 && fileSize <= MAX_SEGMENT_BYTES)
      .filter(({ offset, fileSize }) => offset + fileSize <= elf.source.size)
      .map((segment) => ({ segment, bytes: elf.source.read(segment.offset, segment.fileSize) }));
    loadedOf.set(elf, all);
  }
  return all;
}
