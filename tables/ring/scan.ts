/** Going through the records of a ring, oldest or newest first, while it is being written. */
import { eidAt, frameLength, isClosed, isPad, lengthBefore } from './frame.ts';
import { maxRecordBytes, type Views } from './layout.ts';
import type { SharedRing } from './shared-ring.ts';
import { Window } from './window.ts';

/** What both directions share: the record that the scan is at. */
abstract class Scan {
  /** The position of the record, its place in `views`, its length in bytes and its eid. */
  position = 0;
  at = 0;
  length = 0;
  eid = 0;
  /** Records from `wantedEid` on that were overwritten before they were read. */
  overtaken = 0;
  wantedEid = 0;
  /** Whether the scan met bytes that are no records. */
  broken = false;
  protected readonly ring: SharedRing;
  protected readonly window: Window;

  constructor(ring: SharedRing) {
    this.ring = ring;
    this.window = new Window(ring);
  }

  get views(): Views {
    return this.window.views;
  }

  /** It is at no record any more. */
  end(): void {
    this.window.release();
  }

  /** Go to the next record; false at the end, or where the chain is broken (`ring.damage`). */
  abstract next(): boolean;

  protected damaged(reason: string, position: number): false {
    this.ring.damaged(reason, position);
    this.broken = true;
    return false;
  }
}

export type { Scan };

export class ForwardScan extends Scan {
  #next = 0;
  #end = 0;
  #expected = Number.NaN;
  #endEid = Number.NaN;

  /**
   * @param expected eid of the first record, NaN where it is not known; likewise `endEid`, one past the last
   */
  start(position: number, end: number, expected: number, endEid: number): void {
    this.#next = position;
    this.#end = end;
    this.#expected = expected;
    this.#endEid = endEid;
    this.window.start = 0;
    this.window.end = 0;
  }

  /** Go on to the record, or to the next one that is there; false at the end. */
  seek(eid: number): boolean {
    while (this.eid < eid) if (!this.next()) return false;
    return true;
  }

  override next(): boolean {
    const { window } = this;
    let jumped = false;
    for (;;) {
      const position = this.#next;
      if (position >= this.#end) {
        if (jumped) this.#lose(this.#endEid);
        return false;
      }
      if (position >= window.end) {
        window.load(position, this.#end, 0);
        if (window.tail > position) {
          this.#next = window.tail;
          jumped = true;
          continue;
        }
      }
      const at = position - window.start;
      const length = frameLength(window.views, at, window.limit - position);
      if (length === 0) return this.damaged('broken frame', position);
      if (length > maxRecordBytes(this.ring.capacity)) return this.damaged('long frame', position);
      if (length > window.end - position) {
        window.load(position, this.#end, length);
        if (window.tail > position) {
          this.#next = window.tail;
          jumped = true;
        }
        continue;
      }
      if (!isClosed(window.views, at, length)) return this.damaged('unclosed frame', position);
      this.#next = position + length;
      if (isPad(window.views, at)) continue;
      const eid = eidAt(window.views, at);
      if (jumped) this.#lose(eid);
      else if (eid !== this.#expected && !Number.isNaN(this.#expected)) {
        return this.damaged(`eid ${eid} after ${this.#expected - 1}`, position);
      }
      if (!Number.isSafeInteger(eid) || eid < 1) return this.damaged(`eid ${eid}`, position);
      this.#expected = eid + 1;
      this.position = position;
      this.at = at;
      this.length = length;
      this.eid = eid;
      return true;
    }
  }

  /** The records from the expected one to before `eid` are gone. */
  #lose(eid: number): void {
    const lost = eid - Math.max(this.#expected, this.wantedEid);
    if (lost > 0) this.overtaken += lost;
  }
}

export class BackwardScan extends Scan {
  #first = 0;
  #firstEid = 0;
  #gone = false;

  /**
   * @param first the position to stop at, where the record `firstEid` (NaN if not known) begins
   * @param position where the first record to give ends, @param endEid one past its eid
   */
  start(first: number, position: number, firstEid: number, endEid: number): void {
    this.#first = first;
    this.#firstEid = firstEid;
    this.#gone = false;
    this.position = position;
    this.eid = endEid;
    this.window.start = Number.POSITIVE_INFINITY;
  }

  override next(): boolean {
    const { window } = this;
    for (;;) {
      const end = this.position;
      if (end <= this.#first) {
        const lost = this.eid - Math.max(this.#firstEid, this.wantedEid);
        if (this.#gone && lost > 0) this.overtaken += lost;
        this.#gone = false;
        return false;
      }
      if (end <= window.start) {
        this.#load(end, 0);
        continue;
      }
      const room = Math.min(end - window.limit, maxRecordBytes(this.ring.capacity));
      const length = lengthBefore(window.views, end - window.start, room);
      if (length === 0) return this.damaged('broken frame before', end);
      const at = end - window.start - length;
      if (at < 0) {
        this.#load(end, length);
        continue;
      }
      const sound = frameLength(window.views, at, length) === length;
      if (!sound || !isClosed(window.views, at, length)) {
        return this.damaged('broken frame before', end);
      }
      this.position = end - length;
      if (isPad(window.views, at)) continue;
      const eid = eidAt(window.views, at);
      if (eid !== this.eid - 1) return this.damaged(`eid ${eid} before ${this.eid}`, this.position);
      this.at = at;
      this.length = length;
      this.eid = eid;
      return true;
    }
  }

  #load(end: number, need: number): void {
    this.window.loadBefore(end, this.#first, need);
    if (this.window.tail <= this.#first) return;
    this.#first = this.window.tail;
    this.#gone = true;
    // Bounds of the window follow the tail: what is before it is not whole.
    this.window.limit = Math.max(this.window.limit, this.#first);
  }
}
