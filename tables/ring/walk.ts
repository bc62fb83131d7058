/** What an iteration over a ring wants, fixed when it begins: bounds, and how far the ring reached then. */
import { BLOCK_RECORDS, blockOf } from './block-index.ts';
import type { RowCodec } from './codec.ts';
import { RecordCursor } from './cursor.ts';
import { RECORD_TIME, roundedI64 } from './layout.ts';
import type { Scan } from './scan.ts';
import type { SharedRing } from './shared-ring.ts';

/** Bounds, all inclusive; what is left out does not bound. */
export interface RingRange {
  readonly fromEid?: number | undefined;
  readonly toEid?: number | undefined;
  readonly fromTimeNs?: number | bigint | undefined;
  readonly toTimeNs?: number | bigint | undefined;
}

/** Records from position `start` with eid `startEid` (NaN if not known) to before `end` and `endEid`. */
interface Span {
  readonly start: number;
  readonly startEid: number;
  readonly end: number;
  readonly endEid: number;
}

export class Walk {
  readonly cursor: RecordCursor;
  readonly firstEid: number;
  readonly lastEid: number;
  readonly firstBlock: number;
  readonly endBlock: number;
  /** The time bounds as doubles: rounding keeps the order, so they never exclude too much. */
  readonly from: number;
  readonly to: number;
  readonly #bounds: RingRange;
  readonly #ring: SharedRing;
  readonly #scan: Scan;
  readonly #codec: RowCodec;
  readonly #tail: number;
  readonly #indexed: number;
  readonly #nextEid: number;
  readonly #oldestEid: number;

  constructor(ring: SharedRing, scan: Scan, codec: RowCodec, bounds: RingRange) {
    ring.extend();
    this.#ring = ring;
    this.#scan = scan;
    this.#codec = codec;
    this.#bounds = bounds;
    this.cursor = new RecordCursor(codec, scan);
    this.#tail = ring.oldest;
    this.#indexed = ring.indexed;
    this.#nextEid = ring.nextEid;
    this.#oldestEid = ring.index.eid(ring.index.first);
    this.firstEid = bounds.fromEid ?? 0;
    scan.wantedEid = this.firstEid;
    this.lastEid = Math.min(bounds.toEid ?? ring.nextEid, ring.nextEid - 1);
    this.firstBlock = Math.max(ring.index.first, blockOf(this.firstEid));
    this.endBlock = blockOf(this.lastEid) + 1;
    this.from = Number(bounds.fromTimeNs ?? Number.NEGATIVE_INFINITY);
    this.to = Number(bounds.toTimeNs ?? Number.POSITIVE_INFINITY);
  }

  get isTimed(): boolean {
    return this.#bounds.fromTimeNs !== undefined || this.#bounds.toTimeNs !== undefined;
  }

  /** The records of the blocks from `first` to before `stop`. */
  span(first: number, stop: number): Span {
    const { index } = this.#ring;
    const start = index.start(first);
    // What was gone before the iteration began is not overtaken: begin behind it.
    const cut = start < this.#tail;
    const isLast = stop > blockOf(this.#nextEid - 1);
    return {
      start: cut ? this.#tail : start,
      startEid: cut ? Number.NaN : index.eid(first),
      end: isLast ? this.#indexed : index.start(stop),
      endEid: isLast ? this.#nextEid : index.eid(stop),
    };
  }

  /** How many wanted records from block `first` to before `endEid` there were when the iteration began. */
  wanted(first: number, endEid: number): number {
    const from = Math.max(first * BLOCK_RECORDS, this.#oldestEid, this.firstEid);
    return Math.max(0, Math.min(endEid, this.lastEid + 1) - from);
  }

  /**
   * Whether the record that the scan is at is wanted. One whose texts reach out of it is damage: it is not
   * given, but those after it can be.
   */
  passes(): boolean {
    const { views, at, eid, length } = this.#scan;
    if (eid < this.firstEid || eid > this.lastEid || !this.#isInTime(at)) return false;
    if (this.#codec.isSound(views, at, length)) return true;
    this.#ring.damage = `broken record ${eid}`;
    return false;
  }

  #isInTime(at: number): boolean {
    if (!this.isTimed) return true;
    const { views } = this.#scan;
    const rounded = roundedI64(views, at + RECORD_TIME);
    if (rounded > this.from && rounded < this.to) return true;
    if (rounded < this.from || rounded > this.to) return false;
    const time = views.i64[(at + RECORD_TIME) / 8] ?? 0n;
    const { fromTimeNs, toTimeNs } = this.#bounds;
    return (
      (fromTimeNs === undefined || time >= fromTimeNs) &&
      (toTimeNs === undefined || time <= toTimeNs)
    );
  }
}
