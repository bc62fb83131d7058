/**
 * Slabs to encode rows into. They are used again: memory that is left to the collector makes the process
 * grow with each large answer, and osquery's watchdog stops an extension that has grown by 100 to 200 MB.
 */

/** One slab is also what is written to a socket at once. */
export const SLAB_SIZE = 256 * 1024;
/** Kept free: an answer of 100,000 rows of 20 columns. */
const MAX_FREE = 64 * 1024 * 1024;
/** Unused for so long, they are let go. */
const KEEP_MS = 10_000;

/** What Node's Buffer has and its types leave out: without the dispatch on an encoding's name. */
export interface Slab extends Buffer {
  utf8Write(text: string, offset: number, length: number): number;
}

export class SlabPool {
  #free: Slab[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** Its content is arbitrary. Of `SLAB_SIZE` or, for a very long row, more. */
  take(size: number): Slab {
    const used = size === SLAB_SIZE ? this.#free.pop() : undefined;
    return used ?? (Buffer.allocUnsafeSlow(size) as Slab);
  }

  /** @param bytes a slab or the part of it that was filled; nobody may look at it any more */
  give({ buffer }: Buffer): void {
    if (buffer.byteLength !== SLAB_SIZE || this.#free.length * SLAB_SIZE >= MAX_FREE) return;
    this.#free.push(Buffer.from(buffer) as Slab);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#free = [];
    }, KEEP_MS).unref();
    this.#timer.refresh();
  }
}
