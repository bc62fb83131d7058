/**
 * Rows that are an array already → the bytes of `list<map<string,string>>`. Their number is known, so they need not be
 * buffered; and nothing is left to the collector: while it marks a large heap, V8 lets garbage pile up (seen: 50 MB).
 */
import { CHUNK_SIZE, type Chunks } from './chunks.ts';
import type { Row } from './context.ts';
import { copyWords } from './copy-words.ts';
import type { RowKeys } from './row-keys.ts';
import type { ColumnType } from './spec.ts';
import { I32_SIZE, MAP_HEADER_SIZE, Type } from './thrift/wire.ts';
import { textOf, utf8Bound } from './value-text.ts';

/** Instead of the offset behind a row: there is no room for it. */
const NO_ROOM = -1;

export class ValueEncoder {
  readonly #keys: RowKeys;
  readonly #types: readonly ColumnType[];
  readonly #chunks: Chunks;

  /** @param types of the columns, in the order of a row */
  constructor(keys: RowKeys, types: readonly ColumnType[], chunks: Chunks) {
    this.#keys = keys;
    this.#types = types;
    this.#chunks = chunks;
  }

  /** @returns false when the chunk is full: send it, and give the row again */
  add(row: Row): boolean {
    const chunks = this.#chunks;
    if (chunks.end >= CHUNK_SIZE) return false;
    let end = this.#row(row);
    if (end === NO_ROOM) {
      if (chunks.end > 0) return false;
      chunks.enlarge(this.#bound(row));
      end = this.#row(row);
    }
    chunks.end = end;
    return true;
  }

  /** NULL is a missing key. */
  #row(row: Row): number {
    const { current, end: start, room } = this.#chunks;
    const { bytes, view } = current;
    const types = this.#types;
    let column = -1;
    let text: string | undefined;
    let to = start + MAP_HEADER_SIZE;
    let entries = 0;
    const { view: names, starts, lengths, again } = this.#keys;
    const keys = lengths.length;
    for (let i = 0; i < keys; i++) {
      if (again[i] === 0) {
        column++;
        text = textOf(row[column] ?? null, types[column]);
      }
      if (text === undefined) continue;
      const bound = utf8Bound(text);
      const key = lengths[i] ?? 0;
      if (to + key + I32_SIZE + bound > room) return NO_ROOM;
      copyWords(names, starts[i] ?? 0, key, view, to);
      to += key;
      const length = bytes.utf8Write(text, to + I32_SIZE, bound);
      view.setUint32(to, length);
      to += I32_SIZE + length;
      entries++;
    }
    view.setUint8(start, Type.STRING);
    view.setUint8(start + 1, Type.STRING);
    view.setUint32(start + 2, entries);
    return to;
  }

  #bound(row: Row): number {
    const { overhead, most } = this.#keys;
    const texts = this.#types.map((type, i) => textOf(row[i] ?? null, type) ?? '');
    return overhead + most * texts.reduce((sum, text) => sum + utf8Bound(text), 0);
  }
}
