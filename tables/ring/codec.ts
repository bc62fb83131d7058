/**
 * A table's rows as bytes. Every column has an 8-byte slot at a fixed place, so any one column is read
 * without the others: an i64 (INTEGER, BIGINT), an f64 (DOUBLE), or where the text stands (u32 offset from
 * the record's beginning, u32 length in bytes). The slots of `eid` and `time_ns` are the record header's.
 */
import type { CellSink } from '../../extension/sdk/context.ts';
import type { ColumnType, TableSpec, Value } from '../../extension/sdk/spec.ts';
import { LiveAuditError } from '../../native/errors.ts';
import { type Cell, type Event, Int64, type Shared, Slice } from '../event.ts';
import { writeFrame } from './frame.ts';
import {
  FRAME_BYTES,
  RECORD,
  RECORD_EID,
  RECORD_NULLS,
  RECORD_SOURCE,
  RECORD_TIME,
  Views,
} from './layout.ts';

const INTEGER = 0;
const TEXT = 1;
const DOUBLE = 2;
const KIND_OF: Readonly<Record<ColumnType, number>> = {
  INTEGER,
  BIGINT: INTEGER,
  TEXT,
  DOUBLE,
};

const FIRST_SCRATCH_BYTES = 65_536;
/** Up to this many characters a loop over char codes beats the call into Node's UTF-8 writer (measured). */
const SHORT_TEXT = 24;
const WORD_BYTES = 4;
/** Up to this many bytes a loop over words beats a copy by Node (measured). */
const SHORT_SLICE = 512;
const MAX_I64 = 2n ** 63n - 1n;
const MIN_I64 = -(2n ** 63n);
/** High words of the integers that a Number holds exactly. */
const EXACT_HIGH = 2 ** 21;

/** A record's bytes up to where its own texts go: with the cells that many rows share, or none. */
interface Template {
  readonly codec: RowCodec;
  readonly words: Uint32Array;
  /** The columns that each row has for itself, but for eid. */
  readonly rest: Uint8Array;
}

export class RowCodec {
  readonly columns: readonly string[];
  /** Where the texts begin: every record has at least this many bytes and a closing frame word. */
  readonly #fixed: number;
  readonly #types: readonly ColumnType[];
  readonly #slots: readonly number[];
  /** The same for encoding: what a column holds, and its slot in words of 4 bytes. */
  readonly #kinds: Uint8Array;
  readonly #words: Uint32Array;
  /** Of `#words` those of texts. */
  readonly #texts: Uint32Array;
  readonly #blank: Template;
  readonly #limit: number;
  #scratch = new Views(new ArrayBuffer(FIRST_SCRATCH_BYTES));
  /** Where the next text goes. */
  #end = 0;

  /**
   * @param limit the longest record in bytes
   * @throws LiveAuditError INTERNAL where the spec has no BIGINT columns `eid` and `time_ns`
   */
  constructor(spec: TableSpec, limit = 2 ** 30) {
    this.columns = spec.columns.map(({ name }) => name);
    this.#types = spec.columns.map(({ type }) => type);
    for (const name of ['eid', 'time_ns']) {
      if (this.#types[this.columns.indexOf(name)] !== 'BIGINT') {
        throw new LiveAuditError('INTERNAL', `${spec.name}: a ring needs a BIGINT column ${name}`);
      }
    }
    const eid = this.columns.indexOf('eid');
    this.#limit = limit;
    let next = RECORD_NULLS + Math.ceil(this.columns.length / 64) * 8;
    this.#slots = this.columns.map((name) => {
      if (name === 'eid') return RECORD_EID;
      if (name === 'time_ns') return RECORD_TIME;
      next += 8;
      return next - 8;
    });
    this.#fixed = next;
    this.#kinds = Uint8Array.from(this.#types, (type) => KIND_OF[type]);
    this.#words = Uint32Array.from(this.#slots, (slot) => slot >>> 2);
    this.#texts = this.#words.filter((_, i) => this.#kinds[i] === TEXT);
    const words = new Uint32Array(next / WORD_BYTES);
    const rest = Uint8Array.from(this.columns, (_, i) => i).filter((i) => i !== eid);
    this.#blank = { codec: this, words, rest };
  }

  /** The record that was encoded last, at offset 0; valid until the next one. */
  get record(): Views {
    return this.#scratch;
  }

  /**
   * Encode an event under its eid.
   * @param source position in the kernel's ring buffer in bytes
   * @returns the record's length in bytes, a multiple of 8
   * @throws LiveAuditError RING_ROW naming the column whose value does not fit, or the length
   */
  encode(eid: number, event: Event, source: number): number {
    const shared = event.shared ?? null;
    const template = shared === null ? this.#blank : this.#templateOf(shared, event);
    this.#begin(template.words);
    this.#putSource(source);
    this.#putInteger(RECORD_EID >>> 2, eid);
    this.#putCells(event, template.rest);
    return this.#finish();
  }

  #templateOf(shared: Shared, event: Event): Template {
    const known = shared.encoded as Template | null;
    if (known?.codec === this) return known;
    const places = new Set(shared.places);
    this.#begin(this.#blank.words);
    this.#putCells(
      event,
      this.#blank.rest.filter((place) => places.has(place)),
    );
    const end = Math.ceil(this.#end / 8) * 8;
    this.#scratch.bytes.fill(0, this.#end, end);
    const words = this.#scratch.u32.slice(0, end / WORD_BYTES);
    const rest = this.#blank.rest.filter((place) => !places.has(place));
    const template: Template = { codec: this, words, rest };
    shared.encoded = template;
    return template;
  }

  #putCells(event: Event, places: Uint8Array): void {
    for (let n = 0; n < places.length; n++) {
      const i = places[n] as number;
      const value = event[i] as Cell | undefined;
      const word = this.#words[i] as number;
      if (typeof value === 'number') {
        if (this.#kinds[i] !== INTEGER) this.#putDouble(i, value);
        else if ((value | 0) === value) {
          const { i32 } = this.#scratch;
          i32[word] = value;
          i32[word + 1] = value >> 31;
        } else {
          if (!Number.isSafeInteger(value)) throw this.#refusal(i, String(value));
          this.#putInteger(word, value);
        }
      } else if (value === null || value === undefined) {
        if (word === RECORD_TIME >>> 2) throw this.#refusal(i, 'NULL');
        const { u32 } = this.#scratch;
        const nulls = (RECORD_NULLS >>> 2) + (i >>> 5);
        u32[nulls] = (u32[nulls] as number) | (1 << (i & 31));
      } else if (typeof value === 'bigint') {
        if (this.#kinds[i] !== INTEGER) throw this.#refusal(i, 'a bigint');
        if (value > MAX_I64 || value < MIN_I64) throw this.#refusal(i, String(value));
        this.#scratch.i64[word >>> 1] = value;
      } else if (value instanceof Int64) {
        if (this.#kinds[i] !== INTEGER) throw this.#refusal(i, 'an integer');
        this.#scratch.i32[word] = value.low;
        this.#scratch.i32[word + 1] = value.high;
      } else {
        if (this.#kinds[i] !== TEXT) throw this.#refusal(i, 'a text');
        if (value instanceof Slice) this.#align();
        const start = this.#end;
        if (typeof value === 'string') this.#putText(value);
        else if (value instanceof Slice) this.#putSlice(value);
        else this.#putBytes(value);
        // The scratch record may be another one now.
        this.#scratch.u32[word] = start;
        this.#scratch.u32[word + 1] = this.#end - start;
      }
    }
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
    if (length < this.#fixed + FRAME_BYTES) return false;
    const { u32 } = views;
    const first = at >>> 2;
    const texts = this.#texts;
    for (let i = 0; i < texts.length; i++) {
      const word = first + (texts[i] ?? 0);
      const size = u32[word + 1] ?? 0;
      if (size !== 0 && (u32[word] ?? 0) + size > length - FRAME_BYTES) return false;
    }
    return true;
  }

  /** @param words of a template: the scratch record has room for them, for one was made in it */
  #begin(words: Uint32Array): void {
    this.#scratch.u32.set(words);
    this.#end = words.length * WORD_BYTES;
  }

  #putSource(source: number): void {
    if (!Number.isSafeInteger(source) || source < 0) {
      throw new LiveAuditError('RING_ROW', `source ${source}`);
    }
    this.#putInteger(RECORD_SOURCE >>> 2, source);
  }

  /** @param value a safe integer */
  #putInteger(word: number, value: number): void {
    this.#scratch.u32[word] = value;
    this.#scratch.i32[word + 1] = Math.floor(value / 2 ** 32);
  }

  #putDouble(column: number, value: number): void {
    if (this.#kinds[column] !== DOUBLE) throw this.#refusal(column, 'a number');
    this.#scratch.f64[(this.#words[column] ?? 0) >>> 1] = value;
  }

  #putBytes(text: Uint8Array): void {
    this.#reserve(text.length);
    this.#scratch.bytes.set(text, this.#end);
    this.#end += text.length;
  }

  /** A slice begins at a word. */
  #align(): void {
    for (; this.#end % WORD_BYTES !== 0; this.#end++) this.#scratch.bytes[this.#end] = 0;
  }

  #putSlice({ bytes, words, start, end }: Slice): void {
    const length = end - start;
    if (length > SHORT_SLICE || words === null || start % WORD_BYTES !== 0) {
      this.#putBytes(bytes.subarray(start, end));
      return;
    }
    if (this.#end + length + 2 * FRAME_BYTES > this.#scratch.bytes.length) this.#reserve(length);
    const { i32 } = this.#scratch;
    const to = this.#end / WORD_BYTES;
    const from = start / WORD_BYTES;
    // Of the last word what is no more the slice's is cleared.
    const count = Math.ceil(length / WORD_BYTES);
    for (let i = 0; i < count; i++) i32[to + i] = words[from + i] as number;
    const over = length % WORD_BYTES;
    if (over !== 0) i32[to + count - 1] = (i32[to + count - 1] as number) & ((1 << (8 * over)) - 1);
    this.#end += length;
  }

  #putText(text: string): void {
    const length = text.length;
    // A UTF-16 unit becomes at most 3 bytes of UTF-8.
    if (this.#end + length * 3 + 2 * FRAME_BYTES > this.#scratch.bytes.length)
      this.#reserve(Buffer.byteLength(text));
    const bytes = this.#scratch.bytes;
    const end = this.#end;
    if (length <= SHORT_TEXT) {
      let i = 0;
      for (; i < length; i++) {
        const code = text.charCodeAt(i);
        if (code > 0x7f) break;
        bytes[end + i] = code;
      }
      if (i === length) {
        this.#end = end + length;
        return;
      }
    }
    this.#end = end + bytes.write(text, end);
  }

  /** Make room for a text of so many bytes, in a scratch record as large as needed. */
  #reserve(length: number): void {
    const need = this.#end + length + 2 * FRAME_BYTES;
    if (need > this.#limit + FRAME_BYTES) {
      throw new LiveAuditError('RING_ROW', `a row of more than ${this.#limit} bytes`);
    }
    if (need <= this.#scratch.bytes.length) return;
    const grown = new Views(new ArrayBuffer(2 ** Math.ceil(Math.log2(need))));
    grown.bytes.set(this.#scratch.bytes.subarray(0, this.#end));
    this.#scratch = grown;
  }

  /** Fill up to 8 bytes, close the frame. */
  #finish(): number {
    const textEnd = this.#end;
    const length = Math.ceil(textEnd / 8) * 8 + FRAME_BYTES;
    if (length > this.#limit) {
      throw new LiveAuditError(
        'RING_ROW',
        `a row of ${length} bytes, the ring takes ${this.#limit}`,
      );
    }
    const bytes = this.#scratch.bytes;
    for (let i = textEnd; i < length - FRAME_BYTES; i++) bytes[i] = 0;
    writeFrame(this.#scratch, 0, length, RECORD);
    return length;
  }

  #refusal(column: number, what: string): LiveAuditError {
    return new LiveAuditError(
      'RING_ROW',
      `${this.columns[column]} ${this.#types[column]} cannot hold ${what}`,
    );
  }
}
