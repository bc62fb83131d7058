/**
 * Slabs to encode rows into. They are used again: memory that is left to the collector makes the process
 * grow with each large answer, and osquery's watchdog stops an extension that has grown by 100 to 200 MB.
 */

/** Behind the end of each slab: copies go in words of 8 bytes, the last of which may reach over it. */
export const WORD = 8;
/** Usable bytes, so that with the last word it is whole pages. */
export const SLAB_SIZE = 256 * 1024 - WORD;
/** Kept free: an answer of 100,000 rows of 20 short columns. */
const MAX_FREE = 48 * 1024 * 1024;
/** Unused for so long, they are let go. */
const KEEP_MS = 10_000;

/** Node's Buffer has it and its types leave it out: without the dispatch on an encoding's name. */
interface Bytes extends Buffer {
  utf8Write(text: string, offset: number, length: number): number;
}

/** The same memory twice: a DataView's words need no alignment. */
export class Slab {
  readonly size: number;
  readonly bytes: Bytes;
  readonly view: DataView;
  /** Bytes that are in use, from the beginning. */
  filled = 0;

  constructor(size: number) {
    this.size = size;
    this.bytes = Buffer.allocUnsafeSlow(size + WORD) as Bytes;
    this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset, size + WORD);
  }

  /** Gives the memory back now, not when it is collected: until then a next answer would come on top of it. */
  destroy(): void {
    const { buffer } = this.bytes;
    if (buffer instanceof ArrayBuffer) buffer.transfer(0);
  }
}

/** Instead of none. */
export const NO_SLAB = new Slab(0);

export class SlabPool {
  #free: Slab[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** Its content is arbitrary. Of `SLAB_SIZE` or, for a very long row, more. */
  take(size: number): Slab {
    const used = size === SLAB_SIZE ? this.#free.pop() : undefined;
    if (used === undefined) return new Slab(size);
    used.filled = 0;
    return used;
  }

  /** Nobody may look at it any more. */
  give(slab: Slab): void {
    if (slab.size !== SLAB_SIZE || this.#free.length * SLAB_SIZE >= MAX_FREE) {
      slab.destroy();
      return;
    }
    this.#free.push(slab);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      for (const free of this.#free) free.destroy();
      this.#free = [];
    }, KEEP_MS).unref();
    this.#timer.refresh();
  }
}
