/**
 * Rows → the bytes of `list<map<string,string>>`, the hot path: npm thrift takes 8 to 11 times the CPU
 * and holds the event loop for all of it. The list's length stands before the rows on the wire, so rows
 * are encoded into slabs and counted first; the reply is sent when the last is known.
 */
import { LiveAuditError } from '../../native/errors.ts';
import type { Budget } from './budget.ts';
import type { Row } from './context.ts';
import { SLAB_SIZE, type Slab, type SlabPool } from './slab-pool.ts';
import type { ColumnType, Value } from './spec.ts';
import { I32_SIZE, MAP_HEADER_SIZE, Type } from './thrift/wire.ts';

/** UTF-8 bytes of one UTF-16 unit, at most. */
const UTF8_MAX = 3;
/** Up to this many units a loop over ASCII is faster than the call into C++. */
const SHORT_TEXT = 12;
/** From here on counting a text's bytes costs less than the memory that a guess wastes. */
const LONG_TEXT = 4096;
/** Where an entry count stands in a map header. */
const MAP_COUNT_OFFSET = 2;

/** A key of the map that is sent, and where its value stands in a row of the table. */
export interface Field {
  readonly key: string;
  readonly type: ColumnType;
  readonly at: number;
}

export class RowWriter {
  readonly #keys: readonly Buffer[];
  readonly #positions: readonly number[];
  readonly #isInteger: readonly boolean[];
  readonly #budget: Budget;
  readonly #pool: SlabPool;
  #full: Buffer[] = [];
  #slab: Slab;
  #at = 0;
  #rowStart = 0;
  #taken = 0;
  #rows = 0;

  /**
   * @param fields in the order in which they are sent
   * @param budget for the slabs; given back by `release`
   * @throws LiveAuditError RESULT_TOO_LARGE
   */
  constructor(fields: readonly Field[], budget: Budget, pool: SlabPool) {
    this.#keys = fields.map(({ key }) => encodeString(key));
    this.#positions = fields.map(({ at }) => at);
    this.#isInteger = fields.map(({ type }) => type === 'INTEGER' || type === 'BIGINT');
    this.#budget = budget;
    this.#pool = pool;
    this.#slab = this.#allocate(SLAB_SIZE);
  }

  get rows(): number {
    return this.#rows;
  }

  /**
   * NULL is a missing key. What is not in a row counts as NULL.
   * @throws LiveAuditError RESULT_TOO_LARGE, after which only `release` is left to call
   */
  append(row: Row): void {
    const keys = this.#keys;
    this.#rowStart = this.#at;
    this.#reserve(MAP_HEADER_SIZE);
    this.#slab[this.#at] = Type.STRING;
    this.#slab[this.#at + 1] = Type.STRING;
    this.#at += MAP_HEADER_SIZE;
    let entries = 0;
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i];
      const text = this.#text(row[this.#positions[i] ?? 0], i);
      if (text === undefined || key === undefined) continue;
      this.#reserve(key.length + I32_SIZE + byteBound(text));
      this.#slab.set(key, this.#at);
      this.#at = writeString(this.#slab, this.#at + key.length, text);
      entries += 1;
    }
    writeI32(this.#slab, this.#rowStart + MAP_COUNT_OFFSET, entries);
    this.#rows += 1;
  }

  /** The rows' bytes in order, without the list header. The writer is done after it. */
  finish(): Buffer[] {
    const slabs = [...this.#full, this.#slab.subarray(0, this.#at)];
    this.#full = [];
    return slabs;
  }

  /** When the slabs are sent or dropped. */
  release(): void {
    this.#budget.give(this.#taken);
    this.#taken = 0;
  }

  #text(value: Value | undefined, field: number): string | undefined {
    switch (typeof value) {
      case 'string':
        return value;
      case 'number':
        // osquery reads digits only: no exponent in an integer, and NaN is NULL.
        if (!Number.isFinite(value)) return undefined;
        if (!this.#isInteger[field] || Number.isSafeInteger(value)) return String(value);
        return String(BigInt(Math.trunc(value)));
      case 'bigint':
        return String(value);
      default:
        return undefined;
    }
  }

  /** Room for `size` bytes behind the row's first part, which moves along: its count is not written yet. */
  #reserve(size: number): void {
    if (this.#at + size <= this.#slab.length) return;
    const begun = this.#slab.subarray(this.#rowStart, this.#at);
    const next = this.#allocate(Math.max(SLAB_SIZE, begun.length * 2 + size));
    next.set(begun);
    this.#full.push(this.#slab.subarray(0, this.#rowStart));
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

/** @returns the offset behind the string */
function writeString(slab: Slab, at: number, text: string): number {
  const start = at + I32_SIZE;
  const units = text.length;
  if (units <= SHORT_TEXT) {
    let i = 0;
    for (; i < units; i++) {
      const unit = text.charCodeAt(i);
      if (unit >= 0x80) break;
      slab[start + i] = unit;
    }
    if (i === units) {
      writeI32(slab, at, units);
      return start + units;
    }
  }
  const bytes = slab.utf8Write(text, start, slab.length - start);
  writeI32(slab, at, bytes);
  return start + bytes;
}

const byteBound = (text: string): number =>
  text.length < LONG_TEXT ? text.length * UTF8_MAX : Buffer.byteLength(text);

function writeI32(slab: Buffer, at: number, value: number): void {
  slab[at] = value >>> 24;
  slab[at + 1] = value >>> 16;
  slab[at + 2] = value >>> 8;
  slab[at + 3] = value;
}

function encodeString(text: string): Buffer {
  const bytes = Buffer.from(`\0\0\0\0${text}`);
  writeI32(bytes, 0, bytes.length - I32_SIZE);
  return bytes;
}
