/**
 * Which records of a ring have a value in one column: chains of records whose values' hashes share a bucket,
 * newest first. 8 bytes a record, made for a column when a query first asks for it, in the order of eids. Records
 * that are overwritten need no removing: a walk ends at the oldest eid.
 */
import type { RowCodec } from './codec.ts';
import type { Views } from './layout.ts';

/** Of the first arrays, in records. */
const FIRST_CAPACITY = 4096;
/** Records per bucket, when full. */
const LOAD = 2;
/** Stands for NULL, which equals nothing. */
const NO_HASH = 0;
/** FNV-1a (32 bit). */
const OFFSET_BASIS = 0x811c9dc5;
const PRIME = 0x01000193;
/** A multiplier that spreads (Knuth, 2^32 over the golden ratio). */
const SPREAD = 0x9e3779b1;
const SPACE = 0x20;
const UPPER_A = 0x41;
const UPPER_Z = 0x5a;

export class ValueIndex {
  /** The eid of the next record to add; NaN before the first. */
  next = Number.NaN;
  #oldest = 0;
  #capacity = FIRST_CAPACITY;
  #hashes = new Uint32Array(FIRST_CAPACITY);
  /** How many eids before is the next record of the chain; 0: it ends here. */
  #steps = new Uint32Array(FIRST_CAPACITY);
  /** The newest eid of each bucket. */
  #heads = new Float64Array(FIRST_CAPACITY / LOAD);

  /**
   * Add the record after the one before, or any one to begin anew.
   * @param oldest the oldest eid that is still in the ring
   */
  add(eid: number, hash: number, oldest: number): void {
    if (eid !== this.next) {
      this.#heads.fill(0);
      this.#oldest = eid;
    }
    this.#oldest = Math.max(this.#oldest, oldest);
    if (eid - this.#oldest >= this.#capacity) this.#grow(eid);
    this.next = eid + 1;
    this.#chain(eid, hash);
  }

  /**
   * The eids from `from` to `to` whose values have the hash, newest first; undefined where they are more than
   * `max`. Another value may have the same hash: look at the record.
   */
  find(hash: number, from: number, to: number, max: number): number[] | undefined {
    const found: number[] = [];
    const first = Math.max(from, this.#oldest);
    for (let eid = this.#heads[hash % this.#heads.length] ?? 0; eid >= first; ) {
      const slot = eid % this.#capacity;
      if (eid <= to && this.#hashes[slot] === hash) {
        if (found.length >= max) return undefined;
        found.push(eid);
      }
      const step = this.#steps[slot] ?? 0;
      if (step === 0) break;
      eid -= step;
    }
    return found;
  }

  #chain(eid: number, hash: number): void {
    const slot = eid % this.#capacity;
    this.#hashes[slot] = hash;
    if (hash === NO_HASH) return;
    const bucket = hash % this.#heads.length;
    const before = this.#heads[bucket] ?? 0;
    this.#steps[slot] = before >= this.#oldest ? eid - before : 0;
    this.#heads[bucket] = eid;
  }

  /** Room for the records from the oldest to `eid`; chains are made anew out of the hashes. */
  #grow(eid: number): void {
    const hashes = this.#hashes;
    const before = this.#capacity;
    while (eid - this.#oldest >= this.#capacity) this.#capacity *= 2;
    this.#hashes = new Uint32Array(this.#capacity);
    this.#steps = new Uint32Array(this.#capacity);
    this.#heads = new Float64Array(this.#capacity / LOAD);
    for (let old = this.#oldest; old < this.next; old++)
      this.#chain(old, hashes[old % before] ?? NO_HASH);
  }
}

/** The hash of a record's cell. Text that folds to the same (push-down.ts) has the same. */
export function hashOf(codec: RowCodec, views: Views, at: number, column: number): number {
  if (codec.isNull(views, at, column)) return NO_HASH;
  const word = (at + codec.slotOf(column)) >>> 2;
  const low = views.u32[word] ?? 0;
  const high = views.u32[word + 1] ?? 0;
  return codec.typeOf(column) === 'TEXT'
    ? hashText(views.bytes, at + low, at + low + high)
    : hashInteger(high, low);
}

/** @param high, low the words of an i64 */
export function hashInteger(high: number, low: number): number {
  const mixed = Math.imul(low ^ Math.imul(high, SPREAD), SPREAD);
  return (mixed ^ (mixed >>> 15)) >>> 0 || 1;
}

/** As `fold` compares: ASCII letters without case, no spaces at the end. */
export function hashText(bytes: Uint8Array, start: number, end: number): number {
  let last = end;
  while (last > start && bytes[last - 1] === SPACE) last--;
  let hash = OFFSET_BASIS;
  for (let i = start; i < last; i++) {
    const byte = bytes[i] ?? 0;
    const folded = byte >= UPPER_A && byte <= UPPER_Z ? byte | SPACE : byte;
    hash = Math.imul(hash ^ folded, PRIME);
  }
  return hash >>> 0 || 1;
}
