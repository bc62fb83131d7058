/**
 * A private copy of a stretch of a ring. Copying first and then looking at tail is what makes reading
 * safe: what is whole after the copy stays whole, however long the caller takes with it.
 */
import { Views } from './layout.ts';
import type { SharedRing } from './shared-ring.ts';

/** One copy, unless a single record is longer. It fits into a core's cache. */
const CHUNK_BYTES = 65_536;

/** Windows of ended scans, used again: a query of a few rows would be garbage of `CHUNK_BYTES` each time. */
const spare: Views[] = [];
const MAX_SPARE = 4;
const NO_VIEWS = new Views(new ArrayBuffer(0));

export class Window {
  views = NO_VIEWS;
  /** The stretch [start, end) as positions; a record never goes over the end of the data area, nor does it. */
  start = 0;
  end = 0;
  /** Up to where it might have gone: the asked end, or the end of the data area. */
  limit = 0;
  /** The tail after copying: only what is at or after it is whole. Infinity where nothing could be copied. */
  tail = 0;
  readonly #ring: SharedRing;

  constructor(ring: SharedRing) {
    this.#ring = ring;
  }

  /** Copy from `position` towards `end`, at least `need` bytes. */
  load(position: number, end: number, need: number): void {
    const { capacity } = this.#ring;
    const at = position % capacity;
    this.limit = Math.min(end, position - at + capacity);
    this.start = position;
    this.end = Math.min(this.limit, position + Math.max(CHUNK_BYTES, need));
    this.#copy(at);
  }

  /** Copy up to `position`, from as far as `first`, at least `need` bytes. */
  loadBefore(position: number, first: number, need: number): void {
    const { capacity } = this.#ring;
    const at = position % capacity || capacity;
    this.limit = Math.max(first, position - at);
    this.start = Math.max(this.limit, position - Math.max(CHUNK_BYTES, need));
    this.end = position;
    this.#copy(this.start % capacity);
  }

  /** The scan has ended: what it gave is good until another one begins. */
  release(): void {
    if (this.views.bytes.length === CHUNK_BYTES && spare.length < MAX_SPARE) spare.push(this.views);
    this.views = NO_VIEWS;
    this.start = 0;
    this.end = 0;
  }

  #copy(at: number): void {
    const length = this.end - this.start;
    if (this.views.bytes.length < length) this.views = views(length);
    const whole = this.#ring.copy(this.views, at, length);
    const after = whole ? this.#ring.positions() : undefined;
    this.tail = after?.tail ?? Number.POSITIVE_INFINITY;
  }
}

function views(length: number): Views {
  const used = length <= CHUNK_BYTES ? spare.pop() : undefined;
  const size = Math.max(CHUNK_BYTES, 2 ** Math.ceil(Math.log2(length)));
  return used ?? new Views(new ArrayBuffer(size));
}
