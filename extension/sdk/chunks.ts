/** What is written to a socket at once: two chunks in turn, one on its way while the other is filled. */
import { SLAB_SIZE, Slab, type SlabPool } from './slab-pool.ts';

/**
 * The kernel takes so much whole (net.core.wmem_default is 212,992), so that the next is encoded while the client
 * reads.
 */
export const CHUNK_SIZE = 128 * 1024;
/** Kept free in each for what stands behind the rows. */
const TAIL_ROOM = 64;

export class Chunks {
  /** Being filled: the first of the two, or a larger one for a very long row. */
  current: Slab;
  /** Bytes of it that are filled. */
  end = 0;
  readonly #pool: SlabPool;
  readonly #both: readonly [Slab, Slab];
  #next: Slab;

  constructor(pool: SlabPool) {
    this.#pool = pool;
    this.#both = [pool.take(SLAB_SIZE), pool.take(SLAB_SIZE)];
    [this.current, this.#next] = this.#both;
  }

  /** Bytes that rows may take of an empty one. */
  get room(): number {
    return this.current.size - TAIL_ROOM;
  }

  /** Bytes as they stand, such as those before and behind the rows: at most `TAIL_ROOM`. */
  put(bytes: Uint8Array): void {
    this.current.bytes.set(bytes, this.end);
    this.end += bytes.length;
  }

  /** Instead of an empty one that is too small: for rows of so many bytes. */
  enlarge(size: number): void {
    this.current = new Slab(size + TAIL_ROOM);
  }

  /** The bytes since the call before, good until the call after the next. */
  take(): Buffer {
    const bytes = this.current.bytes.subarray(0, this.end);
    const [first, second] = this.#both;
    this.current = this.#next;
    this.#next = this.current === first ? second : first;
    this.end = 0;
    return bytes;
  }

  /** Nobody looks at them any more. */
  release(): void {
    for (const chunk of this.#both) this.#pool.give(chunk);
  }
}
