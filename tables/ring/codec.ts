/**
 * A table's rows out of their bytes. Every column has an 8-byte slot at a fixed place, so any one column is read
 * without the others: an i64 (INTEGER, BIGINT), an f64 (DOUBLE), or where the text stands (u32 offset from
 * the record's beginning, u32 length in bytes). The slots of `eid` and `time_ns` are the record header's.
 * encoder.ts writes them.
 */
import type { CellSink } from '../../extension/sdk/context.ts';
import type { ColumnType, TableSpec, Value } from '../../extension/sdk/spec.ts';
import { FRAME_BYTES, RECORD_NULLS, type Views } from './layout.ts';
import { DOUBLE, RowLayout, TEXT } from './row-layout.ts';

/** High words of the integers that a Number holds exactly. */
const EXACT_HIGH = 2 ** 21;

export class RowCodec {
  readonly #layout: RowLayout;
  readonly #types: readonly ColumnType[];
  readonly #slots: readonly number[];
  readonly #kinds: Uint8Array;
  readonly #words: Uint32Array;

  /** @throws LiveAuditError INTERNAL where the spec has no BIGINT columns `eid` and `time_ns` */
  constructor(spec: TableSpec) {
    const layout = new RowLayout(spec);
    this.#layout = layout;
    this.#types = layout.types;
    this.#slots = layout.slots;
    this.#kinds = layout.kinds;
    this.#words = layout.words;
  }

  /** For an encoder. */
  get layout(): RowLayout {
    return this.#layout;
  }

  get columns(): readonly string[] {
    return this.#layout.columns;
  }

  /** INTEGER and BIGINT are number, or bigint beyond 2^53. `at` is where the record begins in `views`. */
  value(views: Views, at: number, column: number): Value {
    if (this.isNull(views, at, column)) return null;
    const slot = at + (this.#slots[column] ?? 0);
    switch (this.#types[column]) {
      case 'TEXT': {
        const start = at + (views.u32[slot >>> 2] ?? 0);
        return views.bytes.toString('utf8', start, start + (views.u32[(slot >>> 2) + 1] ?? 0));
      }
      case 'DOUBLE':
        return views.f64[slot / 8] ?? null;
      default: {
        const high = views.i32[(slot >>> 2) + 1] ?? 0;
        if (high < -EXACT_HIGH || high >= EXACT_HIGH) return views.i64[slot / 8] ?? null;
        return high * 2 ** 32 + (views.u32[slot >>> 2] ?? 0);
      }
    }
  }

  /** The UTF-8 bytes of a TEXT cell, not copied; null where the cell is NULL or no TEXT. */
  text(views: Views, at: number, column: number): Uint8Array | null {
    if (this.#types[column] !== 'TEXT' || this.isNull(views, at, column)) return null;
    const slot = (at + (this.#slots[column] ?? 0)) >>> 2;
    const start = at + (views.u32[slot] ?? 0);
    return views.bytes.subarray(start, start + (views.u32[slot + 1] ?? 0));
  }

  /** Hands cells over as they stand, without strings of them. @param columns whose cells, in that order */
  put(views: Views, at: number, columns: Uint32Array, cells: CellSink): void {
    const { u32 } = views;
    const first = at >>> 2;
    const nulls = first + (RECORD_NULLS >>> 2);
    for (let i = 0; i < columns.length; i++) {
      const column = columns[i] ?? 0;
      if (((u32[nulls + (column >>> 5)] ?? 0) >>> (column & 31)) & 1) {
        cells.value(null);
        continue;
      }
      const word = first + (this.#words[column] ?? 0);
      const low = u32[word] ?? 0;
      switch (this.#kinds[column]) {
        case TEXT:
          cells.utf8(views.bytes, at + low, at + low + (u32[word + 1] ?? 0));
          break;
        case DOUBLE:
          cells.value(views.f64[word >>> 1] ?? null);
          break;
        default:
          cells.integer(views.i32[word + 1] ?? 0, low);
      }
    }
  }

  typeOf(column: number): ColumnType | undefined {
    return this.#types[column];
  }

  /** Where the column's slot is in a record, bytes. */
  slotOf(column: number): number {
    return this.#slots[column] ?? 0;
  }

  isNull(views: Views, at: number, column: number): boolean {
    const nulls = views.u32[((at + RECORD_NULLS) >>> 2) + (column >>> 5)] ?? 0;
    return ((nulls >>> (column & 31)) & 1) !== 0;
  }

  /** Whether a framed record of that length holds all slots, and no text reaches out of it. */
  isSound(views: Views, at: number, length: number): boolean {
    if (length < this.#layout.fixed + FRAME_BYTES) return false;
    const { u32 } = views;
    const first = at >>> 2;
    const texts = this.#layout.texts;
    for (let i = 0; i < texts.length; i++) {
      const word = first + (texts[i] ?? 0);
      const size = u32[word + 1] ?? 0;
      if (size !== 0 && (u32[word] ?? 0) + size > length - FRAME_BYTES) return false;
    }
    return true;
  }
}
