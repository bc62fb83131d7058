/** Column names as they stand before each value on the wire, with their length in front: one behind the other, from whole words on. */
import { WORD } from './slab-pool.ts';
import { I32_SIZE, MAP_HEADER_SIZE } from './thrift/wire.ts';

export class RowKeys {
  readonly columns: number;
  readonly view: DataView;
  /** By key, in the order of the columns: where it begins in `view`, and its bytes. */
  readonly starts: Int32Array;
  readonly lengths: Int32Array;
  /** 1 where it is sent with the value of the key before it. */
  readonly again: Uint8Array;
  /** Bytes of all keys of a row and of its values' lengths. */
  readonly overhead: number;
  /** Under so many keys a value is sent at most. */
  readonly most: number;

  /** @param names per column of the buffered rows: none, one or more */
  constructor(names: readonly (readonly string[])[]) {
    this.columns = names.length;
    this.most = Math.max(1, ...names.map((all) => all.length));
    const keys = names.flat().map(encoded);
    this.again = Uint8Array.from(names.flatMap((all) => all.map((_, i) => Number(i > 0))));
    this.lengths = Int32Array.from(keys, ({ length }) => length);
    this.starts = new Int32Array(keys.length);
    let end = 0;
    for (const [i, { length }] of keys.entries()) {
      this.starts[i] = end;
      end += Math.ceil(length / WORD) * WORD;
    }
    const bytes = new Uint8Array(end);
    for (const [i, key] of keys.entries()) bytes.set(key, this.starts[i]);
    this.view = new DataView(bytes.buffer);
    this.overhead = keys.reduce((sum, { length }) => sum + length + I32_SIZE, MAP_HEADER_SIZE);
  }
}

function encoded(name: string): Uint8Array {
  const bytes = Buffer.from(name);
  const length = Buffer.alloc(I32_SIZE);
  length.writeInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
