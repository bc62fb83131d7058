/**
 * Buffered rows → the bytes of `list<map<string,string>>`, in chunks. The hot path: npm thrift takes 20 times the CPU
 * and holds the event loop for all of it.
 */
import { CHUNK_SIZE, type Chunks } from './chunks.ts';
import { copyWords } from './copy-words.ts';
import { LONG, NULL, ROW_HEADER } from './row-buffer.ts';
import type { RowKeys } from './row-keys.ts';
import { NO_SLAB, type Slab } from './slab-pool.ts';
import { I32_SIZE, MAP_HEADER_SIZE, Type } from './thrift/wire.ts';

/** From here on a call to copy costs less than a loop over words. */
const LONG_COPY = 256;
/** Instead of a length: NULL. */
const NO_VALUE = -1;

export class RowEncoder {
  readonly #keys: RowKeys;
  readonly #chunks: Chunks;
  #from = NO_SLAB;
  #at = 0;

  constructor(keys: RowKeys, chunks: Chunks) {
    this.#keys = keys;
    this.#chunks = chunks;
  }

  /** Begin with the rows of a slab. */
  open(slab: Slab): void {
    this.#from = slab;
    this.#at = 0;
  }

  /** Goes on with the slab's rows. @returns true when the chunk is full: send it; false when the slab is done */
  fill(): boolean {
    const chunks = this.#chunks;
    const { overhead, most } = this.#keys;
    while (this.#at < this.#from.filled) {
      const length = this.#from.view.getUint32(this.#at);
      const bound = overhead + length * most;
      if (chunks.end + bound > (chunks.end === 0 ? chunks.room : CHUNK_SIZE)) {
        if (chunks.end > 0) return true;
        chunks.enlarge(bound); // one very long row
      }
      chunks.end = this.#row(chunks.current, chunks.end, this.#at + ROW_HEADER);
      this.#at += ROW_HEADER + length;
    }
    return false;
  }

  /** NULL is a missing key. @returns the offset behind the row in the chunk */
  #row(chunk: Slab, start: number, from: number): number {
    const { view, starts, lengths, again, columns } = this.#keys;
    const keys = lengths.length;
    const source = this.#from.view;
    const target = chunk.view;
    let column = from;
    let at = from + columns;
    let to = start + MAP_HEADER_SIZE;
    let entries = 0;
    let value = 0;
    let length = NO_VALUE;
    for (let i = 0; i < keys; i++) {
      if (again[i] === 0) {
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
      const key = lengths[i] ?? 0;
      copyWords(view, starts[i] ?? 0, key, target, to);
      to += key;
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
