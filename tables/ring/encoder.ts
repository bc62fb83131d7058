/**
 * Events as records of a ring, where they are to stand or in memory of its own. codec.ts reads them.
 */
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
import { DOUBLE, INTEGER, type RowLayout, TEXT } from './row-layout.ts';

const FIRST_SCRATCH_BYTES = 65_536;
/** Up to this many characters a loop over char codes beats the call into Node's UTF-8 writer (measured). */
const SHORT_TEXT = 24;
const WORD_BYTES = 4;
/** A place in bytes as one in words: a division makes it a double. */
const WORD_SHIFT = 2;
/** Up to this many bytes a loop over words beats a copy by Node (measured). */
const SHORT_SLICE = 512;
const MAX_I64 = 2n ** 63n - 1n;
const MIN_I64 = -(2n ** 63n);

/** A record's bytes up to where its own texts go: with the cells that many rows share, or none. */
interface Template {
  readonly encoder: RowEncoder;
  readonly words: Uint32Array;
  /** The columns that each row has for itself, but for eid. */
  readonly rest: Uint8Array;
}

export class RowEncoder {
  readonly #layout: RowLayout;
  readonly #kinds: Uint8Array;
  readonly #words: Uint32Array;
  readonly #blank: Template;
  readonly #limit: number;
  #scratch = new Views(new ArrayBuffer(FIRST_SCRATCH_BYTES));
  /** The memory that the record is made in: `#scratch`, or where it is to stand. */
  #memory = this.#scratch;
  /** Where it begins in there, and how far it may reach: bytes. */
  #at = 0;
  #limitHere = 0;
  /** Where its next text goes: bytes from the memory's beginning. */
  #end = 0;

  /** @param limit the longest record in bytes */
  constructor(layout: RowLayout, limit = 2 ** 30) {
    this.#layout = layout;
    this.#kinds = layout.kinds;
    this.#words = layout.words;
    this.#limit = limit;
    const eid = layout.columns.indexOf('eid');
    const words = new Uint32Array(layout.fixed / WORD_BYTES);
    const rest = Uint8Array.from(layout.columns, (_, i) => i).filter((i) => i !== eid);
    this.#blank = { encoder: this, words, rest };
  }

  /** The memory that holds the record that was encoded last; valid until the next one. */
  get memory(): Views {
    return this.#memory;
  }

  /** Where it begins in there, bytes. */
  get at(): number {
    return this.#at;
  }

  /**
   * Encode an event under its eid.
   * @param source position in the kernel's ring buffer in bytes
   * @param place where the record is to stand. If it does not fit in there it is in memory of its own; what was in
   *   that room is lost either way
   * @param at where in `place`, a multiple of 8
   * @param room bytes from there
   * @returns the record's length in bytes, a multiple of 8
   * @throws LiveAuditError RING_ROW naming the column whose value does not fit, or the length
   */
  encode(eid: number, event: Event, source: number, place?: Views, at = 0, room = 0): number {
    const shared = event.shared ?? null;
    const template = shared === null ? this.#blank : this.#templateOf(shared, event);
    const { words } = template;
    if (place !== undefined && words.length * WORD_BYTES + FRAME_BYTES <= room)
      this.#makeIn(place, at, room);
    else this.#makeApart();
    this.#begin(words);
    this.#putSource(source);
    this.#putInteger((this.#at + RECORD_EID) >>> WORD_SHIFT, eid);
    this.#putCells(event, template.rest);
    return this.#finish();
  }

  #makeIn(memory: Views, at: number, room: number): void {
    this.#memory = memory;
    this.#at = at;
    this.#limitHere = at + room;
  }

  #makeApart(): void {
    this.#makeIn(this.#scratch, 0, this.#scratch.bytes.length);
  }

  /** @param words of a template: the scratch record has room for them, for one was made in it */
  #begin(words: Uint32Array): void {
    this.#memory.u32.set(words, this.#at >>> WORD_SHIFT);
    this.#end = this.#at + words.length * WORD_BYTES;
  }

  #templateOf(shared: Shared, event: Event): Template {
    const known = shared.encoded as Template | null;
    if (known?.encoder === this) return known;
    const places = new Set(shared.places);
    this.#makeApart();
    this.#begin(this.#blank.words);
    this.#putCells(
      event,
      this.#blank.rest.filter((place) => places.has(place)),
    );
    const end = Math.ceil(this.#end / 8) * 8;
    this.#scratch.bytes.fill(0, this.#end, end);
    const words = this.#scratch.u32.slice(0, end / WORD_BYTES);
    const rest = this.#blank.rest.filter((place) => !places.has(place));
    const template: Template = { encoder: this, words, rest };
    shared.encoded = template;
    return template;
  }

  #putCells(event: Event, places: Uint8Array): void {
    for (let n = 0; n < places.length; n++) {
      const i = places[n] as number;
      const value = event[i] as Cell | undefined;
      // The slot's place, in words; a text may move the record elsewhere.
      const { i32 } = this.#memory;
      const word = (this.#at >>> WORD_SHIFT) + (this.#words[i] as number);
      if (typeof value === 'number') {
        if (this.#kinds[i] === DOUBLE) this.#memory.f64[word >>> 1] = value;
        else if (this.#kinds[i] !== INTEGER) throw this.#refusal(i, 'a number');
        else if ((value | 0) === value) {
          i32[word] = value;
          i32[word + 1] = value >> 31;
        } else {
          if (!Number.isSafeInteger(value)) throw this.#refusal(i, String(value));
          this.#putInteger(word, value);
        }
      } else if (value === null || value === undefined) {
        if (this.#words[i] === RECORD_TIME / WORD_BYTES) throw this.#refusal(i, 'NULL');
        const nulls = ((this.#at + RECORD_NULLS) >>> WORD_SHIFT) + (i >>> 5);
        i32[nulls] = (i32[nulls] as number) | (1 << (i & 31));
      } else if (typeof value === 'bigint') {
        if (this.#kinds[i] !== INTEGER) throw this.#refusal(i, 'a bigint');
        if (value > MAX_I64 || value < MIN_I64) throw this.#refusal(i, String(value));
        this.#memory.i64[word >>> 1] = value;
      } else if (value instanceof Int64) {
        if (this.#kinds[i] !== INTEGER) throw this.#refusal(i, 'an integer');
        i32[word] = value.low;
        i32[word + 1] = value.high;
      } else {
        if (this.#kinds[i] !== TEXT) throw this.#refusal(i, 'a text');
        this.#putTextCell(i, value);
      }
    }
  }

  #putTextCell(column: number, value: string | Slice | Uint8Array): void {
    const isSlice = value instanceof Slice;
    if (isSlice) this.#align();
    const start = this.#end - this.#at;
    if (isSlice) this.#putSlice(value);
    else if (typeof value === 'string') this.#putText(value);
    else this.#putBytes(value);
    const { u32 } = this.#memory;
    const word = (this.#at >>> WORD_SHIFT) + (this.#words[column] as number);
    u32[word] = start;
    u32[word + 1] = this.#end - this.#at - start;
  }

  #putSource(source: number): void {
    if (!Number.isSafeInteger(source) || source < 0) {
      throw new LiveAuditError('RING_ROW', `source ${source}`);
    }
    this.#putInteger((this.#at + RECORD_SOURCE) >>> WORD_SHIFT, source);
  }

  /** @param value a safe integer */
  #putInteger(word: number, value: number): void {
    const { i32 } = this.#memory;
    i32[word] = value;
    i32[word + 1] = Math.floor(value / 2 ** 32);
  }

  #putBytes(text: Uint8Array): void {
    this.#reserve(text.length);
    this.#memory.bytes.set(text, this.#end);
    this.#end += text.length;
  }

  /** A slice begins at a word. */
  #align(): void {
    for (; this.#end % WORD_BYTES !== 0; this.#end++) this.#memory.bytes[this.#end] = 0;
  }

  #putSlice({ bytes, words, start, end }: Slice): void {
    const length = end - start;
    if (length > SHORT_SLICE || words === null || start % WORD_BYTES !== 0) {
      this.#putBytes(bytes.subarray(start, end));
      return;
    }
    this.#reserve(length);
    const { i32 } = this.#memory;
    const to = this.#end >>> WORD_SHIFT;
    const from = start >>> WORD_SHIFT;
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
    if (!this.#fits(length * 3)) this.#reserve(Buffer.byteLength(text));
    const { bytes } = this.#memory;
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

  /** Whether a text of so many bytes has room, what fills it up, and the word that closes the frame. */
  #fits(length: number): boolean {
    return this.#end + length + 2 * FRAME_BYTES <= this.#limitHere;
  }

  /** Make room for a text of so many bytes, in a scratch record as large as needed. */
  #reserve(length: number): void {
    if (this.#fits(length)) return;
    const done = this.#end - this.#at;
    const need = done + length + 2 * FRAME_BYTES;
    if (need > this.#limit + FRAME_BYTES) {
      throw new LiveAuditError('RING_ROW', `a row of more than ${this.#limit} bytes`);
    }
    const made = this.#memory.bytes.subarray(this.#at, this.#end);
    if (need > this.#scratch.bytes.length)
      this.#scratch = new Views(new ArrayBuffer(2 ** Math.ceil(Math.log2(need))));
    this.#scratch.bytes.set(made);
    this.#makeApart();
    this.#end = done;
  }

  /** Fill up to 8 bytes, close the frame. */
  #finish(): number {
    const { bytes } = this.#memory;
    const at = this.#at;
    const textEnd = this.#end;
    const end = Math.ceil(textEnd / 8) * 8;
    const length = end - at + FRAME_BYTES;
    if (length > this.#limit) {
      throw new LiveAuditError(
        'RING_ROW',
        `a row of ${length} bytes, the ring takes ${this.#limit}`,
      );
    }
    for (let i = textEnd; i < end; i++) bytes[i] = 0;
    writeFrame(this.#memory, at, length, RECORD);
    return length;
  }

  #refusal(column: number, what: string): LiveAuditError {
    const { columns, types } = this.#layout;
    return new LiveAuditError(
      'RING_ROW',
      `${columns[column]} ${types[column]} cannot hold ${what}`,
    );
  }
}
