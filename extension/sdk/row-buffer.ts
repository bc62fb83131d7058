/**
 * The rows of an answer while they are counted: the list's length stands before the rows on the wire. Only
 * the values are kept, as they will be sent and without their column names, which takes a third to a half of
 * what goes over the socket. `row-encoder.ts` makes the answer of it.
 *
 * A row is u32 length of what follows, then a byte for each column: the length of its value, LONG or NULL. Then
 * the values' UTF-8 bytes; those of a LONG one come after their u32 length.
 */
import { isUtf8 } from 'node:buffer';
import type { Budget } from './budget.ts';
import type { CellSink, EncodableRow, Row } from './context.ts';
import { MAX_DIGITS, writeI64 } from './decimal.ts';
import { SlabChain } from './slab-chain.ts';
import type { Slab, SlabPool } from './slab-pool.ts';
import type { ColumnType, Value } from './spec.ts';
import { decode, TextRun } from './text-run.ts';
import { textOf, UTF8_MAX, utf8Bound } from './value-text.ts';

/** In the place of a length. */
export const NULL = 255;
export const LONG = 254;
/** u32 before each row. */
export const ROW_HEADER = 4;
/** Before a LONG value. */
const LONG_HEADER = 4;

export class RowBuffer implements CellSink {
  readonly #types: readonly ColumnType[];
  readonly #slabs: SlabChain;
  /** The chain's current one. */
  #slab: Slab;
  #at = 0;
  #rowStart = 0;
  #cell = 0;
  #rows = 0;
  readonly #run = new TextRun();

  /**
   * @param types of the columns, in the order of a row
   * @param budget for the slabs; given back by `release`
   */
  constructor(types: readonly ColumnType[], budget: Budget, pool: SlabPool) {
    this.#types = types;
    this.#slabs = new SlabChain(budget, pool);
    this.#slab = this.#slabs.current;
  }

  get rows(): number {
    return this.#rows;
  }

  /**
   * What is not in a row counts as NULL.
   * @throws LiveAuditError RESULT_TOO_LARGE, after which only `release` is left to call
   */
  append(row: Row | EncodableRow): void {
    const columns = this.#types.length;
    this.#rowStart = this.#at;
    this.#reserve(ROW_HEADER + columns);
    this.#begin();
    if (isEncodable(row)) row.encode(this);
    else if (!this.#joined(row)) {
      this.#begin();
      for (let i = 0; i < columns; i++) this.value(row[i] ?? null);
    }
    this.#endRun();
    while (this.#cell < columns) this.#length(NULL);
    this.#slab.view.setUint32(this.#rowStart, this.#at - this.#rowStart - ROW_HEADER);
    this.#rows += 1;
  }

  value(value: Value): void {
    const text = textOf(value, this.#types[this.#cell]);
    if (text === undefined) this.#length(NULL);
    else {
      this.#endRun();
      this.#string(text);
    }
  }

  integer(high: number, low: number): void {
    this.#endRun();
    this.#reserve(MAX_DIGITS);
    this.#to(writeI64(this.#slab.bytes, this.#at, high, low));
  }

  utf8(bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    if (length >= LONG) {
      this.#endRun();
      this.#longUtf8(bytes, start, end);
      return;
    }
    if (!this.#run.extend(bytes, start, end)) {
      this.#endRun();
      this.#run.begin(bytes, start, end, this.#cell);
    }
    this.#length(length);
  }

  /** All slabs with rows are taken. */
  get isEmpty(): boolean {
    return this.#at === 0 && !this.#slabs.hasFull;
  }

  /** The next slab with rows, in their order; the caller calls `free` when it is through with it. */
  takeSlab(): Slab | undefined {
    const full = this.#slabs.takeFull();
    if (full !== undefined || this.#at === 0) return full;
    const last = this.#slabs.takeCurrent(this.#at);
    this.#slab = this.#slabs.current;
    this.#at = 0;
    return last;
  }

  free(slab: Slab): void {
    this.#slabs.free(slab);
  }

  /** Drops the rows. */
  release(): void {
    this.#slabs.release();
    this.#slab = this.#slabs.current;
    this.#at = 0;
  }

  #begin(): void {
    this.#cell = 0;
    this.#run.end();
    this.#at = this.#rowStart + ROW_HEADER + this.#types.length;
  }

  /**
   * All values of a row as one string: one call into C++ instead of one for each (measured: half the time).
   * @returns false where that cannot be, as one is long or not ASCII; begin the row again then
   */
  #joined(row: Row): boolean {
    const columns = this.#types.length;
    let all = '';
    const { bytes } = this.#slab;
    const lengths = this.#rowStart + ROW_HEADER;
    for (let i = 0; i < columns; i++) {
      const text = textOf(row[i] ?? null, this.#types[i]);
      if (text !== undefined && text.length >= LONG) return false;
      bytes[lengths + i] = text === undefined ? NULL : text.length;
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
    const bound = utf8Bound(text);
    this.#reserve(LONG_HEADER + bound);
    const { bytes } = this.#slab;
    if (bound < LONG) this.#to(this.#at + bytes.utf8Write(text, this.#at, bound));
    else this.#long(bytes.utf8Write(text, this.#at + LONG_HEADER, bound));
  }

  #longUtf8(bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    this.#reserve(LONG_HEADER + length);
    const text = bytes.subarray(start, end);
    this.#slab.bytes.set(text, this.#at + LONG_HEADER);
    if (isUtf8(text)) this.#long(length);
    else this.#string(decode(text));
  }

  /** Copies the texts of the run, whose lengths are noted already. */
  #endRun(): void {
    const run = this.#run;
    const { length } = run;
    if (length > 0) {
      this.#reserve(length);
      if (run.copyTo(this.#slab.view, this.#at)) this.#at += length;
      else this.#decodeRun();
    }
    run.end();
  }

  /** One by one: each must be whole UTF-8. */
  #decodeRun(): void {
    const run = this.#run;
    const lengths = this.#rowStart + ROW_HEADER;
    const noted = [...this.#slab.bytes.subarray(lengths + run.cell, lengths + this.#cell)];
    this.#cell = run.cell;
    let at = 0;
    for (const length of noted) {
      if (length === NULL) this.#length(NULL);
      else {
        this.#string(run.text(at, at + length));
        at += length;
      }
    }
  }

  /** Room for `size` bytes behind the row's first part, which moves along. */
  #reserve(size: number): void {
    if (this.#at + size <= this.#slab.size) return;
    this.#slab = this.#slabs.extend(this.#rowStart, this.#at, size);
    this.#at -= this.#rowStart;
    this.#rowStart = 0;
  }
}

export const isEncodable = (row: Row | EncodableRow): row is EncodableRow => 'encode' in row;
