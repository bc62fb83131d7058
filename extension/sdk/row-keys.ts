/** Column names as they stand before each value on the wire: with their length in front, and zeros up to a whole word. */
import { WORD } from './slab-pool.ts';
import { I32_SIZE, MAP_HEADER_SIZE } from './thrift/wire.ts';

export interface Key {
  readonly view: DataView;
  /** Bytes, without the zeros. */
  readonly length: number;
  /** It is sent with the value of the key before it. */
  readonly again: boolean;
}

export class RowKeys {
  /** In the order of the columns. */
  readonly keys: readonly Key[];
  readonly columns: number;
  /** Bytes of all keys of a row and of its values' lengths. */
  readonly overhead: number;
  /** Under so many keys a value is sent at most. */
  readonly most: number;

  /** @param names per column of the buffered rows: none, one or more */
  constructor(names: readonly (readonly string[])[]) {
    this.columns = names.length;
    this.keys = names.flatMap((all) => all.map((name, i) => encoded(name, i > 0)));
    this.overhead = this.keys.reduce((sum, { length }) => sum + length + I32_SIZE, MAP_HEADER_SIZE);
    this.most = Math.max(1, ...names.map((all) => all.length));
  }
}

function encoded(name: string, again: boolean): Key {
  const bytes = Buffer.from(name);
  const length = I32_SIZE + bytes.length;
  const view = new DataView(new ArrayBuffer(Math.ceil(length / WORD) * WORD));
  view.setUint32(0, bytes.length);
  new Uint8Array(view.buffer).set(bytes, I32_SIZE);
  return { view, length, again };
}
