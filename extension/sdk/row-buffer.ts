/**
 * The rows of an answer while they are counted: the list's length stands before the rows on the wire. Only
 * the values are kept, as they will be sent and without their column names, which takes a third to a half of
 * what goes over the socket. `row-encoder.ts` makes the answer of it.
 *
 * A row is u32 length of what follows, then a byte for each column: the length of its value, LONG or NULL. Then
 * the values' UTF-8 bytes; those of a LONG one come after their u32 length.
 */
import { isUtf8 } from 'node:buffer';
import { LiveAuditError } from '../../native/errors.ts';
import type { Budget } from './budget.ts';
import type { CellSink, EncodableRow, Row } from './context.ts';
import { MAX_DIGITS, writeI64 } from './decimal.ts';
import { SLAB_SIZE, Slab, type SlabPool } from './slab-pool.ts';
import type { ColumnType, Value } from './spec.ts';

/** In the place of a length. */
export const NULL = 255;
export const LONG = 254;
/** u32 before each row. */
export const ROW_HEADER = 4;
/** Before a LONG value. */
const LONG_HEADER = 4;
/** UTF-8 bytes of one UTF-16 unit, at most. */
const UTF8_MAX = 3;
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
    const columns = this.#isInteger.length;
    this.#rowStart = this.#at;
    this.#reserve(ROW_HEADER + columns);
    this.#begin();
    if (isEncodable(row)) row.encode(this);
    else if (!this.#joined(row)) {
      this.#begin();
      for (let i = 0; i < columns; i++) this.value(row[i] ?? null);
    }
    while (this.#cell < columns) this.value(null);
    this.#slab.view.setUint32(this.#rowStart, this.#at - this.#rowStart - ROW_HEADER);
    this.#rows += 1;
  }

  value(value: Value): void {
    const text = value === null ? undefined : this.#text(value);
    if (text === undefined) this.#length(NULL);
    else this.#string(text);
  }

  integer(high: number, low: number): void {
    this.#reserve(MAX_DIGITS);
    this.#to(writeI64(this.#slab.bytes, this.#at, high, low));
  }

  utf8(bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    this.#reserve(LONG_HEADER + length);
    const at = this.#at + (length < LONG ? 0 : LONG_HEADER);
    if (!this.#copy(bytes, start, end, at) && !isUtf8(bytes.subarray(start, end))) {
      // Bytes that are none (a damaged file): osquery must be able to log them.
      this.value(Buffer.from(bytes.subarray(start, end)).toString('utf8'));
    } else if (length < LONG) this.#to(at + length);
    else this.#long(length);
  }

  get hasFullSlab(): boolean {
    return this.#full.length > 0;
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

  #begin(): void {
    this.#cell = 0;
    this.#at = this.#rowStart + ROW_HEADER + this.#isInteger.length;
  }

  /**
   * All values of a row as one string: one call into C++ instead of one for each (measured: half the time).
   * @returns false where that cannot be, as one is long or not ASCII; begin the row again then
   */
  #joined(row: Row): boolean {
    const columns = this.#isInteger.length;
    let all = '';
    for (let i = 0; i < columns; i++) {
      const value = row[i] ?? null;
      const text = value === null ? undefined : this.#text(value, i);
      if (text !== undefined && text.length >= LONG) return false;
      this.#slab.bytes[this.#rowStart + ROW_HEADER + i] = text === undefined ? NULL : text.length;
      if (text !== undefined) all += text;
    }
    const bound = all.length * UTF8_MAX;
    this.#reserve(bound);
    const length = this.#slab.bytes.utf8Write(all, this.#at, bound);
    if (length !== all.length) return false;
    this.#at += length;
    this.#cell = columns;
    return true;
  }

  /** osquery reads digits only: no exponent in an integer, and NaN is NULL. */
  #text(value: string | number | bigint, cell = this.#cell): string | undefined {
    if (typeof value === 'string') return value;
    if (typeof value === 'bigint') return String(value);
    if (!Number.isFinite(value)) return undefined;
    if (!this.#isInteger[cell] || Number.isSafeInteger(value)) return String(value);
    return String(BigInt(Math.trunc(value)));
  }

  /** Closes a value whose bytes go up to `end`. */
  #to(end: number): void {
    this.#length(end - this.#at);
    this.#at = end;
  }

  #length(length: number): void {
    this.#slab.bytes[this.#rowStart + ROW_HEADER + this.#cell++] = length;
  }

  /** Closes a value whose bytes stand behind room for their length. */
  #long(length: number): void {
    this.#length(LONG);
    this.#slab.view.setUint32(this.#at, length);
    this.#at += LONG_HEADER + length;
  }

  #string(text: string): void {
    const bound = text.length < LONG_TEXT ? text.length * UTF8_MAX : Buffer.byteLength(text);
    this.#reserve(LONG_HEADER + bound);
    const { bytes } = this.#slab;
    if (bound < LONG) this.#to(this.#at + bytes.utf8Write(text, this.#at, bound));
    else this.#long(bytes.utf8Write(text, this.#at + LONG_HEADER, bound));
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
