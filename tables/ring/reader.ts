/** A table's ring as any process reads it, while the collector writes. */
import { statSync } from 'node:fs';
import type { TableSpec } from '../../extension/sdk/spec.ts';
import { BLOCK_RECORDS, blockOf } from './block-index.ts';
import { RowCodec } from './codec.ts';
import type { RecordCursor } from './cursor.ts';
import { LEDGER_NAMES, type Ledger } from './layout.ts';
import { ringPath } from './ring-file.ts';
import { BackwardScan, ForwardScan } from './scan.ts';
import { SharedRing } from './shared-ring.ts';
import { type RingRange, Walk } from './walk.ts';

export type { RingRange };

/** What a column may hold, as hashes of values (value-index.ts). */
export interface Lookup {
  readonly column: number;
  readonly hashes: readonly number[];
}

/** Up to so many records are looked at one by one: an index would not pay. */
const FEW_RECORDS = 4096;
/** Where more than one record in so many matches, all are read. */
const SELECTIVE = 16;

const EMPTY_LEDGER = Object.fromEntries(LEDGER_NAMES.map((name) => [name, 0])) as Ledger;

export class RingReader {
  readonly path: string;
  /** Records that were overwritten while an iteration was on its way to them. */
  overtaken = 0;
  readonly #spec: TableSpec;
  readonly #codec: RowCodec;
  #ring: SharedRing | null = null;
  #problem: string | null = null;

  /** A missing file is an empty ring; `refresh` finds it when it is there. */
  constructor({ directory, spec }: { readonly directory: string; readonly spec: TableSpec }) {
    this.path = ringPath(directory, spec.name);
    this.#spec = spec;
    this.#codec = new RowCodec(spec);
    this.refresh();
  }

  /**
   * Open the file anew if another one is in its place, or this one was cut: one stat, so call it before each query. Iterations
   * under way go on in the file that they began with.
   * @returns whether it is another file than before
   */
  refresh(): boolean {
    const stat = statSync(this.path, { throwIfNoEntry: false });
    const same = stat?.ino === this.#ring?.ino && stat?.dev === this.#ring?.dev;
    // While a writer replaces the file, the old one still has the rows.
    if (stat === undefined || (same && this.#ring?.isLost === false)) return false;
    const opened = SharedRing.open(this.path, this.#spec);
    this.#problem = typeof opened === 'string' ? opened : null;
    if (opened === null) return false;
    this.#ring?.release();
    this.#ring = typeof opened === 'string' ? null : opened;
    return this.#ring !== null;
  }

  /** Why rows are missing, in one line: the file is not readable, or broken from some record on. */
  get damage(): string | null {
    return this.#ring === null ? this.#problem : this.#ring.damage;
  }

  /** Bytes of the data area, 0 without a file. */
  get capacity(): number {
    return this.#ring?.capacity ?? 0;
  }

  /** Bytes ever written. */
  get head(): number {
    return this.#ring?.head ?? 0;
  }

  /** The oldest valid position. */
  get tail(): number {
    return this.#ring?.tail ?? 0;
  }

  ledger(): Ledger {
    return this.#ring?.ledger() ?? EMPTY_LEDGER;
  }

  /** The eid of the newest record, at once; undefined where there is none. */
  lastEid(): number | undefined {
    return this.#ring?.lastEid();
  }

  /**
   * The records within the bounds that are stored now, oldest first. The first call walks the whole ring to
   * index it; later ones cost what was added since, and their own rows.
   */
  *range(bounds: RingRange = {}): Generator<RecordCursor, void, undefined> {
    const ring = this.#ring;
    if (ring === null) return;
    const scan = new ForwardScan(ring);
    const walk = new Walk(ring, scan, this.#codec, bounds);
    ring.retain();
    try {
      const { index } = ring;
      for (let next = walk.firstBlock; ; ) {
        // The index may have been pruned while the caller was busy with a record.
        const first = Math.max(next, index.first);
        if (first > next) scan.overtaken += walk.wanted(next, index.eid(first));
        const block = index.next(first, walk.endBlock, walk.from, walk.to);
        if (block >= walk.endBlock) break;
        const stop = walk.isTimed
          ? index.runEnd(block, walk.endBlock, walk.from, walk.to)
          : walk.endBlock;
        const { start, startEid, end, endEid } = walk.span(block, stop);
        scan.start(start, end, startEid, Math.min(endEid, walk.lastEid + 1));
        while (scan.next() && scan.eid <= walk.lastEid) if (walk.passes()) yield walk.cursor;
        if (scan.broken) break;
        next = stop;
      }
    } finally {
      this.overtaken += scan.overtaken;
      scan.end();
      ring.release();
    }
  }

  /**
   * The records within the bounds that may hold the values asked for, oldest first, at the cost of those that match:
   * a superset, as hashes may be the same and there may be nothing to gain.
   */
  matching(
    bounds: RingRange,
    lookups: readonly Lookup[],
  ): Generator<RecordCursor, void, undefined> {
    const ring = this.#ring;
    if (ring === null || lookups.length === 0) return this.range(bounds);
    const scan = new ForwardScan(ring);
    const walk = new Walk(ring, scan, this.#codec, bounds);
    const eids = this.#candidates(ring, walk, lookups);
    return eids === undefined ? this.range(bounds) : this.#chosen(ring, scan, walk, eids);
  }

  /** @param eids in order */
  *#chosen(
    ring: SharedRing,
    scan: ForwardScan,
    walk: Walk,
    eids: readonly number[],
  ): Generator<RecordCursor, void, undefined> {
    ring.retain();
    try {
      const { index } = ring;
      for (let at = 0; at < eids.length && !scan.broken; ) {
        const block = blockOf(eids[at] ?? 0);
        if (block < index.first) {
          scan.overtaken++;
          at++;
          continue;
        }
        const { start, startEid, end, endEid } = walk.span(block, block + 1);
        scan.start(start, end, startEid, endEid);
        for (; at < eids.length && blockOf(eids[at] ?? 0) === block; at++) {
          const eid = eids[at] ?? 0;
          // It is behind where it was overwritten meanwhile.
          if (scan.seek(eid) && scan.eid === eid && walk.passes()) yield walk.cursor;
        }
      }
    } finally {
      this.overtaken += scan.overtaken;
      scan.end();
      ring.release();
    }
  }

  /** The eids of the most selective lookup in order; undefined where reading all is as good. */
  #candidates(ring: SharedRing, walk: Walk, lookups: readonly Lookup[]): number[] | undefined {
    const { index } = ring;
    const first = index.next(walk.firstBlock, walk.endBlock, walk.from, walk.to);
    const last = index.previous(walk.endBlock - 1, first, walk.from, walk.to);
    const from = Math.max(walk.firstEid, first * BLOCK_RECORDS);
    const to = Math.min(walk.lastEid, (last + 1) * BLOCK_RECORDS - 1);
    if (to - from < FEW_RECORDS) return undefined;
    let best: number[] | undefined;
    let max = Math.floor((to - from) / SELECTIVE);
    for (const { column, hashes } of lookups) {
      const values = ring.valuesOf(column, this.#codec);
      // An index that is not whole (damage) must not hide records.
      if (values.next <= to) return undefined;
      const eids: number[] = [];
      for (const hash of new Set(hashes)) {
        const found = values.find(hash, from, to, max - eids.length);
        if (found === undefined) {
          eids.length = max + 1;
          break;
        }
        eids.push(...found);
      }
      if (eids.length > max) continue;
      best = eids;
      max = eids.length;
    }
    return best?.sort((a, b) => a - b);
  }

  /** The same records, newest first. */
  *newestFirst(bounds: RingRange = {}): Generator<RecordCursor, void, undefined> {
    const ring = this.#ring;
    if (ring === null) return;
    const scan = new BackwardScan(ring);
    const walk = new Walk(ring, scan, this.#codec, bounds);
    ring.retain();
    try {
      const { index } = ring;
      for (let end = walk.endBlock; ; ) {
        const low = Math.max(walk.firstBlock, index.first);
        const block = index.previous(end - 1, low, walk.from, walk.to);
        if (block < low) {
          scan.overtaken += walk.wanted(walk.firstBlock, Math.min(low, end) * BLOCK_RECORDS);
          break;
        }
        const begin = walk.isTimed ? index.runStart(block, low, walk.from, walk.to) : low;
        const span = walk.span(begin, block + 1);
        scan.start(span.start, span.end, span.startEid, span.endEid);
        while (scan.next() && scan.eid >= walk.firstEid) if (walk.passes()) yield walk.cursor;
        if (scan.broken) break;
        end = begin;
      }
    } finally {
      this.overtaken += scan.overtaken;
      scan.end();
      ring.release();
    }
  }

  close(): void {
    this.#ring?.release();
    this.#ring = null;
  }
}
