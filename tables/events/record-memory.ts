import type { Slice } from '../event.ts';

const WORD_BYTES = 4;
/** Of each byte of a word. */
const HIGH_BITS = 0x8080_8080;

/**
 * The memory that records come in. A Buffer over it is made once, not for each text. The kernel writes there
 * again once its room is given back: what is to last longer must be copied.
 */
export class RecordMemory {
  #view: DataView | null = null;
  #bytes: Buffer = Buffer.alloc(0);
  /** The same as words, if it begins at one. */
  #words: Int32Array | null = null;

  /** All of the view's memory. */
  bytes(view: DataView): Buffer {
    if (view !== this.#view) {
      this.#view = view;
      const { buffer, byteOffset, byteLength } = view;
      this.#bytes = Buffer.from(buffer, byteOffset, byteLength);
      this.#words =
        byteOffset % WORD_BYTES === 0
          ? new Int32Array(buffer, byteOffset, Math.floor(byteLength / WORD_BYTES))
          : null;
    }
    return this.#bytes;
  }

  /** A part of it, not copied. */
  part(view: DataView, at: number, length: number): Buffer {
    return this.bytes(view).subarray(at, at + length);
  }

  /**
   * Point a slice at a text that is ASCII.
   * @returns false where it is not, or lies at no word: then nothing is done
   */
  slice(view: DataView, start: number, end: number, slice: Slice): boolean {
    const bytes = this.bytes(view);
    const words = this.#words;
    if (words === null || start % WORD_BYTES !== 0) return false;
    if (end > words.length * WORD_BYTES) return false;
    const last = Math.floor(end / WORD_BYTES);
    let all = 0;
    for (let i = start / WORD_BYTES; i < last; i++) all |= words[i] as number;
    for (let at = last * WORD_BYTES; at < end; at++) all |= bytes[at] as number;
    if ((all & HIGH_BITS) !== 0) return false;
    slice.bytes = bytes;
    slice.words = words;
    slice.start = start;
    slice.end = end;
    return true;
  }

  /**
   * Point a slice at a text of this memory that is known to be ASCII.
   * @returns false where it is not in this memory, or lies at no word
   */
  sliceOf(text: Buffer, slice: Slice): boolean {
    const { buffer, byteOffset, length } = this.#bytes;
    const start = text.byteOffset - byteOffset;
    if (this.#words === null || text.buffer !== buffer || start % WORD_BYTES !== 0) return false;
    if (start < 0 || start + text.length > length - (length % WORD_BYTES)) return false;
    slice.bytes = this.#bytes;
    slice.words = this.#words;
    slice.start = start;
    slice.end = start + text.length;
    return true;
  }
}
