/**
 * Buffered rows → the bytes of `list<map<string,string>>`. The hot path: npm thrift takes 20 times the CPU and
 * holds the event loop for all of it.
 */
import { LONG, NULL, ROW_HEADER } from './row-buffer.ts';
import { Slab, WORD } from './slab-pool.ts';
import { I32_SIZE, MAP_HEADER_SIZE, Type } from './thrift/wire.ts';

/**
 * What is written to a socket at once: the kernel takes it whole (net.core.wmem_default is 212,992), so that
 * the next is encoded while the client reads.
 */
const CHUNK_SIZE = 128 * 1024;
/** From here on a call to copy costs less than a loop over words. */
const LONG_COPY = 256;
/** Instead of a length: NULL. */
const NO_VALUE = -1;

/** A key with its length in front, and zeros up to a whole word. */
interface EncodedName {
  readonly view: DataView;
  readonly length: number;
}

interface Key extends EncodedName {
  /** It is sent with the value of the key before it. */
  readonly again: boolean;
}

/** They are the names of columns, so they are few. */
const encodedNames = new Map<string, EncodedName>();

export class RowEncoder {
  /** In the order of the columns. */
  readonly #keys: readonly Key[];
  readonly #columns: number;
  /** Bytes of all keys of a row and of its values' lengths. */
  readonly #overhead: number;
  readonly #mostKeys: number;
  #from = new Slab(0);
  #at = 0;
  #chunk: Slab;
  #other: Slab;

  /**
   * @param keys per column of the buffered rows; a column has one or more
   * @param chunks two in turn: one may be on its way while the other is filled
   */
  constructor(keys: readonly (readonly string[])[], chunks: readonly [Slab, Slab]) {
    [this.#chunk, this.#other] = chunks;
    this.#columns = keys.length;
    this.#keys = keys.flatMap((names) =>
      names.map((name, i) => ({ ...encoded(name), again: i > 0 })),
    );
    this.#overhead = this.#keys.reduce(
      (sum, { length }) => sum + length + I32_SIZE,
      MAP_HEADER_SIZE,
    );
    this.#mostKeys = Math.max(1, ...keys.map((names) => names.length));
  }

  /** Begin with the rows of a slab. */
  open(slab: Slab): void {
    this.#from = slab;
    this.#at = 0;
  }

  /** All rows of the slab are encoded. */
  get isDone(): boolean {
    return this.#at >= this.#from.filled;
  }

  /** The next bytes to send, good until the call after the next; undefined when the slab is done. */
  next(): Buffer | undefined {
    if (this.isDone) return undefined;
    let chunk = this.#chunk;
    this.#chunk = this.#other;
    this.#other = chunk;
    let end = 0;
    while (!this.isDone) {
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
    let column = from;
    let at = from + this.#columns;
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

function encoded(name: string): EncodedName {
  const known = encodedNames.get(name);
  if (known !== undefined) return known;
  const bytes = Buffer.from(name);
  const length = I32_SIZE + bytes.length;
  const view = new DataView(new ArrayBuffer(Math.ceil(length / WORD) * WORD));
  view.setUint32(0, bytes.length);
  new Uint8Array(view.buffer).set(bytes, I32_SIZE);
  const key = { view, length };
  encodedNames.set(name, key);
  return key;
}
