/** The bytes of an executable: of its segments, and of a function. */
import { type Elf, type ElfSymbol, fileOffset, type Segment } from '../../native/elf.ts';

/** A server has 10 MB of code and data. */
const MAX_SEGMENT_BYTES = 64 * 1024 * 1024;
const MAX_FUNCTION_BYTES = 512;

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

/** The code of a function, as far as is looked at; null where the file ends before. @throws LiveAuditError ELF */
export function codeOf(elf: Elf, { vaddr, size }: ElfSymbol): Buffer | null {
  const offset = fileOffset(elf, vaddr);
  const length = Math.min(size || MAX_FUNCTION_BYTES, MAX_FUNCTION_BYTES);
  if (offset === null || offset + length > elf.source.size) return null;
  return elf.source.read(offset, length);
}
