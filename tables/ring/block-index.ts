/**
 * A sparse index over the records of a ring: one entry for every 16 eids (a block), with the position of
 * its first record and the span of its times. Times are only roughly ordered, so they are not searched but
 * summed up, again per 64 and per 4096 blocks: a query steps over what cannot match in large strides.
 */

/**
 * Records per block. Blocks are numbered by `floor(eid / BLOCK_RECORDS)`. One record costs the copy of its block: with
 * few in it, rows that lie far apart are cheap; the index has 24 bytes for each block.
 */
export const BLOCK_RECORDS = 16;
/** Blocks that are read in one go at most, where a query is for a time: each go is a look at the writer. */
const RUN_BLOCKS = 64;
/** Blocks per entry of each summary level. */
const WIDTHS = [1, 64, 4096] as const;
/** Dropped entries are taken out of an array when they are more than this and more than half of it. */
const SLACK = 1024;

export const blockOf = (eid: number): number => Math.floor(eid / BLOCK_RECORDS);

/** An array that grows at its end and is dropped from its beginning; keys go on counting. */
class Sliding {
  #base: number;
  #first: number;
  #values: number[] = [];

  constructor(first: number) {
    this.#base = first;
    this.#first = first;
  }

  get end(): number {
    return this.#base + this.#values.length;
  }

  get(key: number): number {
    return this.#values[key - this.#base] ?? Number.NaN;
  }

  set(key: number, value: number): void {
    this.#values[key - this.#base] = value;
  }

  dropBefore(key: number): void {
    this.#first = Math.max(this.#first, Math.min(key, this.end));
    const dead = this.#first - this.#base;
    if (dead <= SLACK || dead * 2 < this.#values.length) return;
    this.#values.splice(0, dead);
    this.#base = this.#first;
  }
}

class TimeLevel {
  readonly width: number;
  readonly #min: Sliding;
  readonly #max: Sliding;

  constructor(width: number, firstBlock: number) {
    this.width = width;
    this.#min = new Sliding(Math.floor(firstBlock / width));
    this.#max = new Sliding(Math.floor(firstBlock / width));
  }

  widen(block: number, min: number, max: number): void {
    const key = Math.floor(block / this.width);
    const known = key < this.#min.end;
    this.#min.set(key, known ? Math.min(this.#min.get(key), min) : min);
    this.#max.set(key, known ? Math.max(this.#max.get(key), max) : max);
  }

  /** Whether no record of the entry that holds the block can have a time from `from` to `to`. */
  misses(block: number, from: number, to: number): boolean {
    const key = Math.floor(block / this.width);
    return this.#max.get(key) < from || this.#min.get(key) > to;
  }

  dropBefore(block: number): void {
    this.#min.dropBefore(Math.floor(block / this.width));
    this.#max.dropBefore(Math.floor(block / this.width));
  }
}

export class BlockIndex {
  #first = 0;
  #origin = 0;
  #starts = new Sliding(0);
  #levels: readonly TimeLevel[] = [];

  /** The oldest block that is still in the ring. */
  get first(): number {
    return this.#first;
  }

  /** One past the newest block. */
  get end(): number {
    return this.#starts.end;
  }

  /** Forget everything; the next record has this eid. */
  reset(eid: number): void {
    const block = blockOf(eid);
    this.#first = block;
    this.#origin = eid;
    this.#starts = new Sliding(block);
    this.#levels = WIDTHS.map((width) => new TimeLevel(width, block));
  }

  /**
   * Add records of one block: the newest or the one after it.
   * @param start position of the first of them, @param min and @param max their times in ns as doubles
   */
  add(block: number, start: number, min: number, max: number): void {
    if (block === this.end) this.#starts.set(block, start);
    for (const level of this.#levels) level.widen(block, min, max);
  }

  /** Position of the first record of a block. */
  start(block: number): number {
    return this.#starts.get(block);
  }

  /** The eid of the record at `start(block)`. */
  eid(block: number): number {
    return Math.max(block * BLOCK_RECORDS, this.#origin);
  }

  /** Drop the blocks that are wholly overwritten. Amortised O(1) per block. */
  prune(tail: number): void {
    const before = this.#first;
    while (this.#first + 1 < this.end && this.start(this.#first + 1) <= tail) this.#first++;
    if (this.#first === before) return;
    this.#starts.dropBefore(this.#first);
    for (const level of this.#levels) level.dropBefore(this.#first);
  }

  /** The first block from `block` up to below `end` that may hold a time in the range, or `end`. */
  next(block: number, end: number, from: number, to: number): number {
    let candidate = block;
    while (candidate < end) {
      const level = this.#misses(candidate, from, to);
      if (level === undefined) return candidate;
      candidate = (Math.floor(candidate / level.width) + 1) * level.width;
    }
    return end;
  }

  /** The last block from `block` down to `first` that may hold a time in the range, or `first - 1`. */
  previous(block: number, first: number, from: number, to: number): number {
    let candidate = block;
    while (candidate >= first) {
      const level = this.#misses(candidate, from, to);
      if (level === undefined) return candidate;
      candidate = Math.floor(candidate / level.width) * level.width - 1;
    }
    return first - 1;
  }

  /** One past the last block of a run of such blocks that begins with `block`, below `end`. */
  runEnd(block: number, end: number, from: number, to: number): number {
    const most = Math.min(end, block + RUN_BLOCKS);
    let next = block + 1;
    while (next < most && this.#misses(next, from, to) === undefined) next++;
    return next;
  }

  /** The first block of a run of such blocks that ends with `block`, not before `first`. */
  runStart(block: number, first: number, from: number, to: number): number {
    const least = Math.max(first, block - RUN_BLOCKS + 1);
    let begin = block;
    while (begin > least && this.#misses(begin - 1, from, to) === undefined) begin--;
    return begin;
  }

  /** The widest entry around the block that cannot match. */
  #misses(block: number, from: number, to: number): TimeLevel | undefined {
    for (let i = this.#levels.length - 1; i >= 0; i--) {
      const level = this.#levels[i];
      if (level?.misses(block, from, to)) return level;
    }
    return undefined;
  }
}
