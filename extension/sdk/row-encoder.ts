/**
 * Buffered rows → the bytes of `list<map<string,string>>`, in chunks. The hot path: npm thrift takes 20 times the CPU
 * and holds the event loop for all of it.
 */
import { LONG, NULL, ROW_HEADER } from './row-buffer.ts';
import type { RowKeys } from './row-keys.ts';
import { NO_SLAB, Slab, WORD } from './slab-pool.ts';
import { I32_SIZE, MAP_HEADER_SIZE, Type } from './thrift/wire.ts';

/**
 * What is written to a socket at once: the kernel takes it whole (net.core.wmem_default is 212,992), so that
 * the next is encoded while the client reads.
 */
const CHUNK_SIZE = 128 * 1024;
/** Kept free in each chunk for what stands behind the rows. */
const TAIL_ROOM = 64;
/** From here on a call to copy costs less than a loop over words. */
const LONG_COPY = 256;
/** Instead of a length: NULL. */
const NO_VALUE = -1;

export class RowEncoder {
  readonly #keys: RowKeys;
  #from = NO_SLAB;
  #at = 0;
  /** Being filled: the first of `#chunks`, or a larger one for a very long row. */
  #chunk: Slab;
  #end = 0;
  #chunks: readonly [Slab, Slab];

  /**
   * @param keys of the buffered rows
   * @param chunks two in turn, of `SLAB_SIZE`: one may be on its way while the other is filled
   */
  constructor(keys: RowKeys, chunks: readonly [Slab, Slab]) {
    this.#keys = keys;
    this.#chunks = chunks;
    this.#chunk = chunks[0];
  }

  /** Bytes as they stand, such as those before and behind the rows: at most `TAIL_ROOM`. */
  put(bytes: Uint8Array): void {
    this.#chunk.bytes.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  /** Begin with the rows of a slab. */
  open(slab: Slab): void {
    this.#from = slab;
    this.#at = 0;
  }

  /** Goes on with the slab's rows. @returns true when the chunk is full: `take` it; false when the slab is done */
  fill(): boolean {
    const { overhead, most } = this.#keys;
    while (this.#at < this.#from.filled) {
      const length = this.#from.view.getUint32(this.#at);
      const bound = overhead + length * most;
      const room = this.#end === 0 ? this.#chunk.size - TAIL_ROOM : CHUNK_SIZE;
      if (this.#end + bound > room) {
        if (this.#end > 0) return true;
        this.#chunk = new Slab(bound + TAIL_ROOM); // one very long row
      }
      this.#end = this.#row(this.#chunk, this.#end, this.#at + ROW_HEADER);
      this.#at += ROW_HEADER + length;
    }
    return false;
  }

  /** The bytes since the call before, good until the call after the next. */
  take(): Buffer {
    const bytes = this.#chunk.bytes.subarray(0, this.#end);
    const [before, next] = this.#chunks;
    this.#chunks = [next, before];
    this.#chunk = next;
    this.#end = 0;
    return bytes;
  }

  /** NULL is a missing key. @returns the offset behind the row in the chunk */
  #row(chunk: Slab, start: number, from: number): number {
    const { keys, columns } = this.#keys;
    const source = this.#from.view;
    const target = chunk.view;
    let column = from;
    let at = from + columns;
    let to = start + MAP_HEADER_SIZE;
    let entries = 0;
    let value = 0;
    let length = NO_VALUE;
    for (const key of keys) {
      if (!key.again) {
        length = source.getUint8(column++);
        if (length === NULL) length = NO_VALUE;
        else {
          if (length === LONG) {
            length = source.getUint32(at);
            at += I32_SIZE;
          }
          value = at;
          at += length;
        }
      }
      if (length === NO_VALUE) continue;
      copyWords(key.view, 0, key.length, target, to);
      to += key.length;
      target.setUint32(to, length);
      to += I32_SIZE;
      if (length < LONG_COPY) copyWords(source, value, length, target, to);
      else this.#from.bytes.copy(chunk.bytes, to, value, value + length);
      to += length;
      entries++;
    }
    target.setUint8(start, Type.STRING);
    target.setUint8(start + 1, Type.STRING);
    target.setUint32(start + 2, entries);
    return to;
  }
}

/**
 * In whole words: what comes behind is written after it. V8 keeps such a bigint in a register (measured: a
 * third of the time that words of 4 bytes take).
 */
function copyWords(from: DataView, start: number, length: number, to: DataView, at: number): void {
  for (let i = 0; i < length; i += WORD)
    to.setBigUint64(at + i, from.getBigUint64(start + i, true), true);
}
