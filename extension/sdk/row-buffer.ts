/**
 * The rows of an answer while they are counted: the list's length stands before the rows on the wire. Only
 * the values are kept, as they will be sent and without their column names, which takes a third to a half of
 * what goes over the socket. `row-encoder.ts` makes the answer of it.
 *
 * A row is u32 length of what follows, and then each value: u8 length and the UTF-8 bytes, or LONG, u32
 * length and the bytes, or NULL.
 */
import { isUtf8 } from 'node:buffer';
import { LiveAuditError } from '../../native/errors.ts';
import type { Budget } from './budget.ts';
import type { CellSink, EncodableRow, Row } from './context.ts';
import { MAX_DIGITS, writeI64, writeSafeInteger } from './decimal.ts';
import { SLAB_SIZE, Slab, type SlabPool } from './slab-pool.ts';
import type { ColumnType, Value } from './spec.ts';

/** In the place of a length. */
export const NULL = 255;
export const LONG = 254;
/** u32 before each row. */
export const ROW_HEADER = 4;
/** u8 LONG and u32. */
const LONG_HEADER = 5;
/** UTF-8 bytes of one UTF-16 unit, at most. */
const UTF8_MAX = 3;
/** Up to this many units a loop over ASCII is faster than the call into C++ (measured). */
const SHORT_TEXT = 32;
/** From here on counting a text's bytes costs less than the memory that a guess wastes. */
const LONG_TEXT = 4096;
/** From here on a call to copy costs less than a loop over words. */
const LONG_COPY = 96;
/** The sign bits of four ASCII characters. */
const NOT_ASCII = 0x8080_8080;

const NO_SLAB = new Slab(0);

export class RowBuffer implements CellSink {
  readonly #isInteger: readonly boolean[];
  readonly #budget: Budget;
  readonly #pool: SlabPool;
  #full: Slab[] = [];
  #slab = NO_SLAB;
  #at = 0;
  #rowStart = 0;
  #cell = 0;
  #taken = 0;
  #rows = 0;
  #source: Uint8Array | undefined;
  #sourceView: DataView = new DataView(new ArrayBuffer(0));

  /**
   * @param types of the columns, in the order of a row
   * @param budget for the slabs; given back by `release`
   */
  constructor(types: readonly ColumnType[], budget: Budget, pool: SlabPool) {
    this.#isInteger = types.map((type) => type === 'INTEGER' || type === 'BIGINT');
    this.#budget = budget;
    this.#pool = pool;
  }

  get rows(): number {
    return this.#rows;
  }

  /**
   * What is not in a row counts as NULL.
   * @throws LiveAuditError RESULT_TOO_LARGE, after which only `release` is left to call
   */
  append(row: Row | EncodableRow): void {
    this.#rowStart = this.#at;
    this.#cell = 0;
    this.#reserve(ROW_HEADER);
    this.#at += ROW_HEADER;
    const columns = this.#isInteger.length;
    if (isEncodable(row)) row.encode(this);
    else for (let i = 0; i < columns; i++) this.value(row[i] ?? null);
    while (this.#cell < columns) this.value(null);
    const length = this.#at - this.#rowStart - ROW_HEADER;
    this.#slab.view.setUint32(this.#rowStart, length);
    this.#rows += 1;
  }

  value(value: Value): void {
    if (typeof value === 'string') this.#string(value);
    else if (typeof value === 'number') this.#number(value);
    else if (typeof value === 'bigint') this.#string(String(value));
    else {
      this.#reserve(1);
      this.#slab.bytes[this.#at++] = NULL;
      this.#cell++;
    }
  }

  integer(high: number, low: number): void {
    this.#reserve(1 + MAX_DIGITS);
    const end = writeI64(this.#slab.bytes, this.#at + 1, high, low);
    this.#short(end);
  }

  utf8(bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    this.#reserve(LONG_HEADER + length);
    const at = this.#begin(length < LONG ? 1 : LONG_HEADER, length);
    if (!this.#copy(bytes, start, end, at) && !isUtf8(bytes.subarray(start, end))) {
      // Bytes that are none (a damaged file): osquery must be able to log them.
      this.#string(Buffer.from(bytes.subarray(start, end)).toString('utf8'));
      return;
    }
    this.#at = at + length;
    this.#cell++;
  }

  /** The next slab with rows, in their order; the caller calls `free` when it is through with it. */
  takeSlab(): Slab | undefined {
    const full = this.#full.shift();
    if (full !== undefined || this.#at === 0) return full;
    const last = this.#slab;
    last.filled = this.#at;
    this.#slab = NO_SLAB;
    this.#at = 0;
    return last;
  }

  free(slab: Slab): void {
    this.#budget.give(slab.size);
    this.#taken -= slab.size;
    this.#pool.give(slab);
  }

  /** Drops the rows. */
  release(): void {
    for (let slab = this.takeSlab(); slab !== undefined; slab = this.takeSlab()) this.free(slab);
    this.#budget.give(this.#taken);
    this.#taken = 0;
  }

  #number(value: number): void {
    // osquery reads digits only: no exponent in an integer, and NaN is NULL.
    if (!Number.isFinite(value)) this.value(null);
    else if (Number.isSafeInteger(value)) {
      this.#reserve(1 + MAX_DIGITS);
      this.#short(writeSafeInteger(this.#slab.bytes, this.#at + 1, value));
    } else {
      this.#string(String(this.#isInteger[this.#cell] ? BigInt(Math.trunc(value)) : value));
    }
  }

  /** Closes a value whose bytes are from behind its short header to `end`. */
  #short(end: number): void {
    this.#slab.bytes[this.#at] = end - this.#at - 1;
    this.#at = end;
    this.#cell++;
  }

  #string(text: string): void {
    const units = text.length;
    if (units <= SHORT_TEXT) {
      this.#reserve(1 + units * UTF8_MAX);
      const { bytes } = this.#slab;
      const start = this.#at + 1;
      let i = 0;
      for (; i < units; i++) {
        const unit = text.charCodeAt(i);
        if (unit >= 0x80) break;
        bytes[start + i] = unit;
      }
      this.#short(
        i === units ? start + units : start + bytes.utf8Write(text, start, units * UTF8_MAX),
      );
      return;
    }
    const bound = units < LONG_TEXT ? units * UTF8_MAX : Buffer.byteLength(text);
    this.#reserve(LONG_HEADER + bound);
    const header = bound < LONG ? 1 : LONG_HEADER;
    const length = this.#slab.bytes.utf8Write(text, this.#at + header, bound);
    this.#at = this.#begin(header, length) + length;
    this.#cell++;
  }

  /** Writes a value's header. @returns where its bytes go */
  #begin(header: number, length: number): number {
    const { bytes, view } = this.#slab;
    if (header === 1) bytes[this.#at] = length;
    else {
      bytes[this.#at] = LONG;
      view.setUint32(this.#at + 1, length);
    }
    return this.#at + header;
  }

  /** @returns whether all of it is ASCII, so that nobody need look at it */
  #copy(bytes: Uint8Array, start: number, end: number, to: number): boolean {
    const slab = this.#slab;
    if (end - start >= LONG_COPY) {
      slab.bytes.set(bytes.subarray(start, end), to);
      return false;
    }
    if (bytes !== this.#source) {
      this.#source = bytes;
      this.#sourceView = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    }
    const from = this.#sourceView;
    const { view } = slab;
    let seen = 0;
    let at = start;
    let target = to;
    for (; at + 4 <= end; at += 4, target += 4) {
      const word = from.getUint32(at, true);
      seen |= word;
      view.setUint32(target, word, true);
    }
    for (; at < end; at++, target++) {
      const byte = from.getUint8(at);
      seen |= byte;
      view.setUint8(target, byte);
    }
    return (seen & NOT_ASCII) === 0;
  }

  /** Room for `size` bytes behind the row's first part, which moves along. */
  #reserve(size: number): void {
    if (this.#at + size <= this.#slab.size) return;
    const slab = this.#slab;
    const begun = slab.bytes.subarray(this.#rowStart, this.#at);
    const next = this.#allocate(Math.max(SLAB_SIZE, begun.length * 2 + size));
    next.bytes.set(begun);
    slab.filled = this.#rowStart;
    if (slab.filled > 0) this.#full.push(slab);
    else if (slab !== NO_SLAB) this.free(slab); // a row that outgrew it
    this.#slab = next;
    this.#at = begun.length;
    this.#rowStart = 0;
  }

  #allocate(size: number): Slab {
    if (!this.#budget.take(size)) {
      throw new LiveAuditError('RESULT_TOO_LARGE', `no memory after ${this.#rows} rows`);
    }
    this.#taken += size;
    return this.#pool.take(size);
  }
}

const isEncodable = (row: Row | EncodableRow): row is EncodableRow => 'encode' in row;
