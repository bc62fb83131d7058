/** One ring file mapped for reading, with its index. Another process may be writing it at any moment. */
import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import type { TableSpec } from '../../extension/sdk/spec.ts';
import { Mapping, PROT_READ } from '../../native/libc.ts';
import { BlockIndex, blockOf } from './block-index.ts';
import { eidAt, lengthBefore } from './frame.ts';
import { decodeHeader } from './header.ts';
import {
  HEAD,
  HEADER_BYTES,
  type Ledger,
  maxRecordBytes,
  RECORD_TIME,
  roundedI64,
  TAIL,
  Views,
} from './layout.ts';
import { readLedger } from './ledger.ts';
import { positionProblem } from './recover.ts';
import { errorCode, readPage, requireRegular } from './ring-file.ts';
import { ForwardScan } from './scan.ts';
import { CUT } from './window.ts';

export class MappedRing {
  readonly dev: number;
  readonly ino: number;
  readonly capacity: number;
  readonly data: Views;
  readonly index = new BlockIndex();
  /** What is broken in the chain of records, until it is overwritten. */
  damage: string | null = null;
  /** The index covers the records from tail up to here; `nextEid` is the eid of the one that begins here. */
  indexed = 0;
  nextEid = 0;
  readonly #fd: number;
  readonly #map: Mapping;
  readonly #page: Views;
  readonly #fence = new Int32Array(1);
  readonly #scan = new ForwardScan(this);
  #damagedAt = 0;
  /** The reader and every iteration under way; the last one to let go unmaps. */
  #users = 1;

  private constructor(fd: number, stat: { dev: number; ino: number }, capacity: number) {
    this.dev = stat.dev;
    this.ino = stat.ino;
    this.capacity = capacity;
    this.#fd = fd;
    this.#map = new Mapping(fd, HEADER_BYTES + capacity, PROT_READ);
    this.#page = new Views(this.#map.buffer, 0, HEADER_BYTES);
    this.data = new Views(this.#map.buffer, HEADER_BYTES);
  }

  /** @returns the ring, null where there is no file, or why it cannot be read in one line */
  static open(path: string, spec: TableSpec): MappedRing | string | null {
    let fd: number | undefined;
    try {
      const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
      fd = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
      requireRegular(fd, path);
      const stat = fstatSync(fd);
      const header = decodeHeader(readPage(fd), stat.size, spec);
      if (!('kind' in header)) return new MappedRing(fd, stat, header.capacity);
      closeSync(fd);
      return header.reason;
    } catch (error) {
      if (fd !== undefined) closeSync(fd);
      return errorCode(error) === 'ENOENT' ? null : String(error);
    }
  }

  retain(): void {
    this.#users++;
  }

  release(): void {
    this.#users--;
    if (this.#users > 0) return;
    this.#map.close();
    closeSync(this.#fd);
  }

  get head(): number {
    return Number(Atomics.load(this.#page.i64, HEAD / 8));
  }

  get tail(): number {
    return Number(Atomics.load(this.#page.i64, TAIL / 8));
  }

  /**
   * The tail as it was no earlier than everything that was read from the data area before this call: what
   * was read from below it may be torn, from above it is whole. A load-acquire does not hold back the loads
   * before it (arm64), a store-release between them does.
   */
  tailAfterReading(): number {
    Atomics.store(this.#fence, 0, 0);
    return this.tail;
  }

  ledger(): Ledger {
    return readLedger(this.#page.i64);
  }

  /** The eid of the newest record, from its closing frame word; undefined in an empty or damaged ring. */
  lastEid(): number | undefined {
    for (;;) {
      const head = this.head;
      if (head <= 0 || head % 8 !== 0 || !this.isWhole()) return undefined;
      const end = head % this.capacity || this.capacity;
      const length = lengthBefore(this.data, end, Math.min(end, maxRecordBytes(this.capacity)));
      const eid = length === 0 ? Number.NaN : eidAt(this.data, end - length);
      if (this.tailAfterReading() < head) return Number.isSafeInteger(eid) ? eid : undefined;
      // Overtaken, unless head stands still: then tail is wrong.
      if (this.head === head) return undefined;
    }
  }

  /** Take the records that came since into the index, drop those that went. O(1) for each. */
  extend(): void {
    let tail: number;
    let head: number;
    do {
      tail = this.tail;
      head = this.head;
    } while (tail !== this.tail);
    const problem = this.isWhole() ? positionProblem(head, tail, this.capacity) : CUT;
    if (problem !== null || head < this.indexed) {
      this.damage = problem ?? `head went back to ${head}`;
      this.#damagedAt = Number.POSITIVE_INFINITY;
      return;
    }
    if (this.damage !== null && tail <= this.#damagedAt) return;
    this.damage = null;
    if (this.indexed < head) this.#index(head);
    this.index.prune(this.tail);
  }

  /** Whether the file still is as long as the mapping: touching what was cut off is a SIGBUS. */
  isWhole(): boolean {
    return fstatSync(this.#fd).size >= HEADER_BYTES + this.capacity;
  }

  /** Remember what is broken at a position, and stop there. */
  damaged(reason: string, position: number): void {
    this.damage = `${reason} at position ${position}`;
    this.#damagedAt = position;
  }

  #index(head: number): void {
    const tail = this.tail;
    const fresh = this.indexed < tail || this.index.end === 0;
    const scan = this.#scan;
    scan.start(fresh ? tail : this.indexed, head, fresh ? Number.NaN : this.nextEid, Number.NaN);
    let block = Number.NaN;
    let first = 0;
    let min = 0;
    let max = 0;
    let expected = fresh ? Number.NaN : this.nextEid;
    while (scan.next()) {
      const gap = scan.eid !== expected;
      if (gap || blockOf(scan.eid) !== block) {
        if (!Number.isNaN(block)) this.index.add(block, first, min, max);
        block = blockOf(scan.eid);
        if (gap) this.index.reset(scan.eid);
        first = scan.position;
        min = Number.POSITIVE_INFINITY;
        max = Number.NEGATIVE_INFINITY;
      }
      const time = roundedI64(scan.views, scan.at + RECORD_TIME);
      if (time < min) min = time;
      if (time > max) max = time;
      expected = scan.eid + 1;
      this.indexed = scan.position + scan.length;
      this.nextEid = expected;
    }
    if (!Number.isNaN(block)) this.index.add(block, first, min, max);
  }
}
