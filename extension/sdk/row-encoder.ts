/**
 * Buffered rows → the bytes of `list<map<string,string>>`. The hot path: npm thrift takes 20 times the CPU and
 * holds the event loop for all of it.
 */
import { LONG, NULL, ROW_HEADER } from './row-buffer.ts';
import { Slab } from './slab-pool.ts';
import { I32_SIZE, MAP_HEADER_SIZE, Type } from './thrift/wire.ts';

/**
 * What is written to a socket at once: the kernel takes it whole (net.core.wmem_default is 212,992), so that
 * the next is encoded while the client reads.
 */
const CHUNK_SIZE = 128 * 1024;
/** From here on a call to copy costs less than a loop over words. */
const LONG_COPY = 96;

export class RowEncoder {
  /** Per column the keys under which its value is sent, each with its length in front. */
  readonly #keys: readonly (readonly DataView[])[];
  /** Bytes of all keys of a row and of its values' lengths. */
  readonly #overhead: number;
  readonly #mostKeys: number;
  #from = new Slab(0);
  #at = 0;
  #chunk: Slab;
  #other: Slab;

  /**
   * @param keys per column of the buffered rows; a column may have several, or none
   * @param chunks two in turn: one may be on its way while the other is filled
   */
  constructor(keys: readonly (readonly string[])[], chunks: readonly [Slab, Slab]) {
    [this.#chunk, this.#other] = chunks;
    this.#keys = keys.map((names) => names.map(encodeKey));
    const all = this.#keys.flat();
    this.#overhead = all.reduce((sum, key) => sum + key.byteLength + I32_SIZE, MAP_HEADER_SIZE);
    this.#mostKeys = Math.max(1, ...this.#keys.map((names) => names.length));
  }

  /** Begin with the rows of a slab. */
  open(slab: Slab): void {
    this.#from = slab;
    this.#at = 0;
  }

  /** The next bytes to send, good until the call after the next; undefined when the slab is done. */
  next(): Buffer | undefined {
    if (this.#at >= this.#from.filled) return undefined;
    let chunk = this.#chunk;
    this.#chunk = this.#other;
    this.#other = chunk;
    let end = 0;
    while (this.#at < this.#from.filled) {
      const length = this.#from.view.getUint32(this.#at);
      const bound = this.#overhead + length * this.#mostKeys;
      if (end + bound > Math.max(CHUNK_SIZE, end === 0 ? chunk.size : 0)) {
        if (end > 0) break;
        chunk = new Slab(bound); // one very long row
      }
      end = this.#row(chunk, end, this.#at + ROW_HEADER);
      this.#at += ROW_HEADER + length;
    }
    return chunk.bytes.subarray(0, end);
  }

  /** NULL is a missing key. @returns the offset behind the row in the chunk */
  #row(chunk: Slab, start: number, from: number): number {
    const keys = this.#keys;
    const source = this.#from.view;
    const target = chunk.view;
    let at = from + keys.length;
    let to = start + MAP_HEADER_SIZE;
    let entries = 0;
    for (let column = 0; column < keys.length; column++) {
      let length = source.getUint8(from + column);
      if (length === NULL) continue;
      if (length === LONG) {
        length = source.getUint32(at);
        at += I32_SIZE;
      }
      const names = keys[column] ?? [];
      for (let i = 0; i < names.length; i++) {
        const key = names[i];
        if (key === undefined) continue;
        to = copyWords(key, 0, key.byteLength, target, to);
        target.setUint32(to, length);
        to += I32_SIZE;
        if (length < LONG_COPY) to = copyWords(source, at, at + length, target, to);
        else {
          this.#from.bytes.copy(chunk.bytes, to, at, at + length);
          to += length;
        }
        entries++;
      }
      at += length;
    }
    target.setUint8(start, Type.STRING);
    target.setUint8(start + 1, Type.STRING);
    target.setUint32(start + 2, entries);
    return to;
  }
}

/** @returns the offset behind the copy */
function copyWords(from: DataView, start: number, end: number, to: DataView, at: number): number {
  let source = start;
  let target = at;
  for (; source + 4 <= end; source += 4, target += 4)
    to.setUint32(target, from.getUint32(source, true), true);
  for (; source < end; source++, target++) to.setUint8(target, from.getUint8(source));
  return target;
}

function encodeKey(name: string): DataView {
  const bytes = Buffer.from(name);
  const key = new DataView(new ArrayBuffer(I32_SIZE + bytes.length));
  key.setUint32(0, bytes.length);
  new Uint8Array(key.buffer).set(bytes, I32_SIZE);
  return key;
}
