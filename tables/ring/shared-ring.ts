/**
 * One ring file as it is read, with its index. Another process may write it at any moment, or cut it: it is
 * not mapped, as a load beyond the end of a file is a SIGBUS, but copied by pread, which just comes short.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import type { TableSpec } from '../../extension/sdk/spec.ts';
import { BlockIndex, blockOf } from './block-index.ts';
import type { RowCodec } from './codec.ts';
import { eidAt, lengthBefore } from './frame.ts';
import { decodeHeader } from './header.ts';
import {
  FRAME_BYTES,
  HEAD,
  HEADER_BYTES,
  type Ledger,
  maxRecordBytes,
  RECORD_NULLS,
  RECORD_TIME,
  roundedI64,
  TAIL,
  Views,
} from './layout.ts';
import { readLedger } from './ledger.ts';
import { positionProblem } from './recover.ts';
import { errorCode, readPage, requireRegular } from './ring-file.ts';
import { ForwardScan } from './scan.ts';
import { hashOf, ValueIndex } from './value-index.ts';

/** What a ring whose file became shorter says. */
const CUT = 'the file was cut';

interface Positions {
  readonly head: number;
  readonly tail: number;
}

export class SharedRing {
  readonly dev: number;
  readonly ino: number;
  readonly capacity: number;
  readonly index = new BlockIndex();
  /** By column, of those that were asked for. */
  readonly values = new Map<number, ValueIndex>();
  /** What is broken in the chain of records, until it is overwritten. */
  damage: string | null = null;
  /** The index covers the records from tail up to here; `nextEid` is the eid of the one that begins here. */
  indexed = 0;
  nextEid = 0;
  /** The tail as `extend` saw it last. */
  oldest = 0;
  readonly #fd: number;
  readonly #page = new Views(new ArrayBuffer(HEADER_BYTES));
  readonly #again = new Views(new ArrayBuffer(HEADER_BYTES));
  readonly #fence = new Int32Array(1);
  readonly #scan = new ForwardScan(this);
  #damagedAt = 0;
  /** The reader and every iteration under way; the last one to let go closes. */
  #users = 1;

  private constructor(fd: number, stat: { dev: number; ino: number }, capacity: number) {
    this.dev = stat.dev;
    this.ino = stat.ino;
    this.capacity = capacity;
    this.#fd = fd;
  }

  /** @returns the ring, null where there is no file, or why it cannot be read in one line */
  static open(path: string, spec: TableSpec): SharedRing | string | null {
    let fd: number | undefined;
    try {
      const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
      fd = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
      requireRegular(fd, path);
      const stat = fstatSync(fd);
      const header = decodeHeader(readPage(fd), stat.size, spec);
      if (!('kind' in header)) return new SharedRing(fd, stat, header.capacity);
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
    closeSync(this.#fd);
  }

  /** Whether nothing more can be read here: the file was cut, or its positions make no sense. */
  get isLost(): boolean {
    return this.#damagedAt === Number.POSITIVE_INFINITY;
  }

  get head(): number {
    return this.positions()?.head ?? 0;
  }

  get tail(): number {
    return this.positions()?.tail ?? 0;
  }

  /**
   * Head and tail as they were together at one moment of this call: after everything that was copied before
   * it, before everything that is copied after it. undefined where the file was cut.
   *
   * Nothing promises that the kernel copies a word in one piece, so they are read until they are twice the
   * same: both only grow, so a value that was there in both readings was there all the time between.
   */
  positions(): Positions | undefined {
    const { i64: words, bytes } = this.#page;
    const { i64: again, bytes: copy } = this.#again;
    const length = TAIL + 8 - HEAD;
    this.#fenceLoads();
    do {
      if (!this.#read(bytes, HEAD, length) || !this.#read(copy, HEAD, length)) return undefined;
    } while (words[0] !== again[0] || words[(TAIL - HEAD) / 8] !== again[(TAIL - HEAD) / 8]);
    this.#fenceLoads();
    return { head: Number(words[0]), tail: Number(words[(TAIL - HEAD) / 8]) };
  }

  /**
   * Copy bytes of the data area to the beginning of `views`: torn where the writer is at work, so look at
   * the tail after it.
   * @returns whether all were there
   */
  copy(views: Views, at: number, length: number): boolean {
    return this.#read(views.bytes, HEADER_BYTES + at, length);
  }

  /** False where the file ends before; that is remembered. */
  #read(bytes: Buffer, position: number, length: number): boolean {
    for (let done = 0; done < length; ) {
      const read = readSync(this.#fd, bytes, done, length - done, position + done);
      if (read === 0) {
        this.#lose(CUT);
        return false;
      }
      done += read;
    }
    return true;
  }

  /**
   * arm64 may move loads over each other, also over a system call: a load-acquire holds back those after it, a
   * store-release those before it, and the two do not change places.
   */
  #fenceLoads(): void {
    Atomics.store(this.#fence, 0, 0);
    Atomics.load(this.#fence, 0);
  }

  #lose(reason: string): void {
    this.damage = reason;
    this.#damagedAt = Number.POSITIVE_INFINITY;
  }

  /** All zero where the file was cut. A counter may be torn where it goes over 2^32. */
  ledger(): Ledger {
    const page = new Views(new ArrayBuffer(HEADER_BYTES));
    if (!this.#read(page.bytes, 0, HEADER_BYTES)) page.bytes.fill(0);
    return readLedger(page.i64);
  }

  /** The eid of the newest record, from its closing frame word; undefined in an empty or damaged ring. */
  lastEid(): number | undefined {
    const { capacity } = this;
    const record = new Views(new ArrayBuffer(RECORD_NULLS));
    for (let before = Number.NaN; ; ) {
      const head = this.head;
      // Overtaken the last time, unless head stands still: then tail is wrong.
      if (head <= 0 || head % 8 !== 0 || head === before) return undefined;
      before = head;
      const end = head % capacity || capacity;
      if (!this.copy(record, end - FRAME_BYTES, FRAME_BYTES)) return undefined;
      const length = lengthBefore(record, FRAME_BYTES, Math.min(end, maxRecordBytes(capacity)));
      let eid = Number.NaN;
      if (length >= RECORD_NULLS) {
        if (!this.copy(record, end - length, RECORD_NULLS)) return undefined;
        eid = eidAt(record, 0);
      }
      const now = this.positions();
      if (now === undefined) return undefined;
      if (now.tail < head) return Number.isSafeInteger(eid) ? eid : undefined;
    }
  }

  /** Take the records that came since into the index, drop those that went. O(1) for each. */
  extend(): void {
    const positions = this.isLost ? undefined : this.positions();
    if (positions === undefined) return;
    const { head, tail } = positions;
    const problem = positionProblem(head, tail, this.capacity);
    if (problem !== null || head < this.indexed) {
      this.#lose(problem ?? `head went back to ${head}`);
      return;
    }
    if (this.damage !== null && tail <= this.#damagedAt) return;
    this.damage = null;
    this.oldest = tail;
    if (this.indexed < head) {
      this.#index(tail, head);
      this.oldest = this.tail; // that may have taken a while
    }
    this.index.prune(this.oldest);
  }

  /**
   * The index of a column's values, up to the same record as `index`. Call it after `extend`. The first call walks
   * the ring; later ones cost what was added since.
   */
  valuesOf(column: number, codec: RowCodec): ValueIndex {
    let values = this.values.get(column);
    if (values === undefined) {
      values = new ValueIndex();
      this.values.set(column, values);
    }
    const { index } = this;
    if (values.next === this.nextEid || index.end === 0) return values;
    const known = values.next >= index.eid(index.first) && values.next < this.nextEid;
    const block = known ? blockOf(values.next) : index.first;
    const scan = this.#scan;
    // What is cut off at the beginning was overwritten meanwhile: nobody can ask for it.
    const start = Math.max(index.start(block), this.tail);
    const first = start === index.start(block) ? index.eid(block) : Number.NaN;
    scan.start(start, this.indexed, first, this.nextEid);
    const oldest = index.eid(index.first);
    while (scan.next()) {
      if (scan.eid < values.next) continue;
      const sound = codec.isSound(scan.views, scan.at, scan.length);
      values.add(scan.eid, sound ? hashOf(codec, scan.views, scan.at, column) : 0, oldest);
    }
    return values;
  }

  /** Remember what is broken at a position, and stop there. */
  damaged(reason: string, position: number): void {
    this.damage = `${reason} at position ${position}`;
    this.#damagedAt = position;
  }

  #index(tail: number, head: number): void {
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
