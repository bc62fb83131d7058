import type { Slice } from '../event.ts';

const WORD_BYTES = 4;
/** Of each byte of a word. */
const HIGH_BITS = 0x8080_8080;

/** Bytes that what comes is compared with again and again, as words. */
export class Sample {
  readonly bytes: Uint8Array;
  readonly words: Int32Array;

  constructor(bytes: Uint8Array = new Uint8Array()) {
    const memory = new Uint8Array(Math.ceil(bytes.length / WORD_BYTES) * WORD_BYTES);
    memory.set(bytes);
    this.bytes = memory.subarray(0, bytes.length);
    this.words = new Int32Array(memory.buffer);
  }
}

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
    return this.#point(slice, start, end);
  }

  #point(slice: Slice, start: number, end: number): true {
    slice.bytes = this.#bytes;
    slice.words = this.#words;
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
    return this.#point(slice, start, start + text.length);
  }

  /** Whether the bytes from `from` to `to` are those of the sample: a call of Buffer.compare takes twice as long. */
  holds(view: DataView, from: number, to: number, sample: Sample): boolean {
    const all = this.bytes(view);
    const words = this.#words;
    const { bytes, words: wanted } = sample;
    if (to - from !== bytes.length) return false;
    if (words === null || from % WORD_BYTES !== 0 || to > all.length)
      return all.subarray(from, to).equals(bytes);
    const first = from / WORD_BYTES;
    const whole = Math.floor(bytes.length / WORD_BYTES);
    for (let i = 0; i < whole; i++) if (words[first + i] !== wanted[i]) return false;
    for (let i = whole * WORD_BYTES; i < bytes.length; i++)
      if (all[from + i] !== bytes[i]) return false;
    return true;
  }
}
