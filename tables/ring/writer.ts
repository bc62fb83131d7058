/** The one process that writes a ring. README.md has the order of its steps and why. */
import { closeSync } from 'node:fs';
import type { TableSpec } from '../../extension/sdk/spec.ts';
import { LiveAuditError } from '../../native/errors.ts';
import type { Mapping } from '../../native/libc.ts';
import type { Event } from '../event.ts';
import { RowCodec } from './codec.ts';
import { RowEncoder } from './encoder.ts';
import { type EpochStep, EpochWriter } from './epoch.ts';
import { frameLength, isPad, writeFrame } from './frame.ts';
import {
  HEAD,
  HEADER_BYTES,
  isCapacity,
  type Ledger,
  type LedgerName,
  maxRecordBytes,
  PAD,
  TAIL,
  Views,
} from './layout.ts';
import { LedgerWriter, readLedger } from './ledger.ts';
import { type Opened, openOrCreate } from './open.ts';
import { growRing, ringPath } from './ring-file.ts';

/** The steps of an append, in order; each is named when it is done. */
export const STEPS = ['encoded', 'tail', 'pad', 'record', 'stored', 'head'] as const;
export type Step = (typeof STEPS)[number] | EpochStep;

/** A record of at most so many bytes is made where it is to stand, when that is free. */
const MAX_ROOM = 4096;
/** A full ring gives up this part of its capacity at a time. */
const GIVEN_UP_AHEAD = 64;
const STEPS_BEFORE = STEPS.slice(0, STEPS.indexOf('record'));

export interface RingWriterOptions {
  readonly directory: string;
  readonly spec: TableSpec;
  /** Bytes of the data area: a power of two, 64 KiB to 4 GiB. */
  readonly capacity: number;
  /** For tests: called after each step. */
  readonly onStep?: (step: Step) => void;
}

export class RingWriter {
  readonly path: string;
  readonly capacity: number;
  /** What happened to a file that was there and could not be gone on with. */
  readonly setAside: Opened['setAside'];
  readonly #encoder: RowEncoder;
  /** How much must be free for a record to be made in its place, bytes. */
  readonly #room: number;
  readonly #onStep: ((step: Step) => void) | undefined;
  readonly #fd: number;
  readonly #map: Mapping;
  readonly #page: Views;
  readonly #data: Views;
  readonly #ledger: LedgerWriter;
  readonly #epoch: EpochWriter;
  #head: number;
  #tail: number;
  #nextEid: number;
  #lastSource: number;
  /** The head that readers see. */
  #published: number;
  /** Records behind it. */
  #added = 0;
  /** Up to where the data area has its blocks. */
  #grown: number;
  #closed = false;

  /** @throws LiveAuditError RING_SIZE, RING_UNSAFE, RING_BUSY, RING_IO */
  constructor({ directory, spec, capacity, onStep }: RingWriterOptions) {
    if (!isCapacity(capacity)) throw new LiveAuditError('RING_SIZE', `${spec.name}: ${capacity}`);
    this.path = ringPath(directory, spec.name);
    this.capacity = capacity;
    const codec = new RowCodec(spec);
    this.#encoder = new RowEncoder(codec.layout, maxRecordBytes(capacity));
    this.#room = Math.min(MAX_ROOM, capacity / GIVEN_UP_AHEAD);
    this.#onStep = onStep;
    const opened = openOrCreate(this.path, spec, capacity, codec);
    this.setAside = opened.setAside;
    this.#fd = opened.fd;
    this.#map = opened.map;
    this.#page = new Views(opened.map.buffer, 0, HEADER_BYTES);
    this.#data = new Views(opened.map.buffer, HEADER_BYTES);
    this.#head = opened.state.head;
    this.#published = this.#head;
    this.#tail = opened.state.tail;
    this.#nextEid = opened.state.nextEid;
    // Beyond head there may be a hole after a power cut.
    this.#grown = Math.min(this.#head, capacity);
    this.#ledger = new LedgerWriter(this.#page.i64);
    // eids are gapless, so these two follow from them whatever step the last writer was killed at.
    this.#ledger.set('events_stored', this.#nextEid - opened.header.firstEid);
    this.#ledger.set('overwritten', opened.state.oldestEid - opened.header.firstEid);
    this.#epoch = new EpochWriter(this.#page);
    this.#lastSource = this.#epoch.holds(this.#nextEid - 1) ? opened.state.lastSource : -1;
  }

  /** The eid that the next row gets. */
  get nextEid(): number {
    return this.#nextEid;
  }

  get head(): number {
    return this.#head;
  }

  get tail(): number {
    return this.#tail;
  }

  /** The id of the kernel ring buffer that rows come from now, 0n if none. */
  get epoch(): bigint {
    return this.#epoch.id;
  }

  /** The source of the newest record if it was stored in this epoch, else -1: what a successor skips up to. */
  get lastSource(): number {
    return this.#lastSource;
  }

  /**
   * Rows come from another kernel ring buffer from now on, whose positions and counters begin anew. To go on
   * with the same one changes nothing.
   * @param id of 64 bits, not 0
   * @throws LiveAuditError INTERNAL
   */
  beginEpoch(id: bigint): void {
    this.#requireOpen();
    if (id === this.#epoch.id) return;
    this.#epoch.begin(id, this.#nextEid, this.#onStep);
    this.#lastSource = -1;
  }

  /**
   * Store an event and publish it. One that throws has changed nothing: the caller counts it as lost.
   * @param event the cell in the place of `eid` is not looked at
   * @param source where the record that completed it ends in the kernel's ring buffer, in bytes. Within an
   *   epoch it never goes back: an event without one (0) gets that of the one before it.
   * @returns its eid
   * @throws LiveAuditError RING_ROW (too long, or a wrong value), RING_IO (no space), RING_DAMAGED
   */
  append(event: Event, source = 0): number {
    const eid = this.add(event, source);
    this.publish();
    return eid;
  }

  /** The same, but readers do not see it until `publish`. A writer that dies before has not stored it. */
  add(event: Event, source = 0): number {
    this.#requireOpen();
    const position = Math.max(source, this.#lastSource);
    const at = this.#head % this.capacity;
    const place = this.#isFree(at) ? this.#data : undefined;
    const length = this.#encoder.encode(this.#nextEid, event, position, place, at, this.#room);
    const isInPlace = this.#encoder.memory === this.#data;
    const pad = isInPlace ? this.#nothingBefore() : this.#moveIn(length);
    this.#onStep?.('record');
    this.#head += pad + length;
    this.#added++;
    if (this.#epoch.id !== 0n) this.#lastSource = position;
    return this.#nextEid++;
  }

  /** Show all that was added. */
  publish(): void {
    this.#requireOpen();
    if (this.#head === this.#published) return;
    this.#ledger.count('events_stored', this.#added);
    this.#onStep?.('stored');
    Atomics.store(this.#page.i64, HEAD / 8, BigInt(this.#head));
    this.#onStep?.('head');
    this.#published = this.#head;
    this.#added = 0;
  }

  count(name: LedgerName, n = 1): void {
    this.#requireOpen();
    this.#ledger.count(name, n);
  }

  /**
   * Set a counter to what it was when the epoch began plus `total`, the count of something that lives as long
   * as the epoch. A name is either counted or set so, not both.
   * @throws LiveAuditError INTERNAL without an epoch, or where the total is no count
   */
  setTotal(name: LedgerName, total: number): void {
    this.#requireOpen();
    if (!Number.isSafeInteger(total) || total < 0 || this.#epoch.id === 0n) {
      throw new LiveAuditError('INTERNAL', `${name} ${total} in epoch ${this.#epoch.id}`);
    }
    this.#ledger.set(name, this.#epoch.base(name) + total);
  }

  ledger(): Ledger {
    this.#requireOpen();
    return readLedger(this.#page.i64);
  }

  /** The last use. The file stays as it is. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#map.close();
    closeSync(this.#fd);
  }

  /** What is mapped no more must not be touched. */
  #requireOpen(): void {
    if (this.#closed) throw new LiveAuditError('INTERNAL', `${this.path} is closed`);
  }

  /** Whether a record can be made at the head: blocks are there, and no record that readers may look at. */
  #isFree(at: number): boolean {
    const end = this.#head + this.#room;
    return (
      at + this.#room <= this.capacity &&
      end - this.#tail <= this.capacity &&
      (end <= this.#grown || this.#grown === this.capacity)
    );
  }

  /** A record that was made in its place found all steps before it done. @returns bytes of the pad before it */
  #nothingBefore(): number {
    if (this.#onStep) for (const step of STEPS_BEFORE) this.#onStep(step);
    return 0;
  }

  /** Make room at the head for a record that was made apart, and copy it there. @returns bytes of the pad before it */
  #moveIn(length: number): number {
    const at = this.#head % this.capacity;
    const room = this.capacity - at;
    const pad = length > room ? room : 0;
    const end = this.#head + pad + length;
    if (end > this.#grown && this.#grown < this.capacity) {
      this.#grown = growRing(this.#fd, this.path, this.#grown, end, this.capacity);
    }
    this.#onStep?.('encoded');
    if (end - this.#tail > this.capacity) this.#overwrite(end - this.capacity);
    this.#onStep?.('tail');
    if (pad !== 0) writeFrame(this.#data, at, pad, PAD);
    this.#onStep?.('pad');
    const record = this.#encoder.memory.bytes.subarray(0, length);
    this.#data.bytes.set(record, pad === 0 ? at : 0);
    return pad;
  }

  /**
   * Give up the oldest records until `tail` is at least `target`, and a few more: telling readers where the
   * tail is costs as much as a record does.
   */
  #overwrite(needed: number): void {
    // What is not shown yet must not be given up before it was there.
    if (needed > this.#published) this.publish();
    const target = Math.min(needed + this.capacity / GIVEN_UP_AHEAD, this.#published);
    let tail = this.#tail;
    let records = 0;
    let at = tail % this.capacity;
    while (tail < target) {
      const length = frameLength(this.#data, at, this.capacity - at);
      if (length === 0) throw new LiveAuditError('RING_DAMAGED', `${this.path}: position ${tail}`);
      if (!isPad(this.#data, at)) records++;
      tail += length;
      at += length;
      if (at === this.capacity) at = 0;
    }
    this.#tail = tail;
    this.#ledger.count('overwritten', records);
    Atomics.store(this.#page.i64, TAIL / 8, BigInt(tail));
    // A store-release does not hold back the stores after it (arm64); a load-acquire after it does.
    Atomics.load(this.#page.i64, TAIL / 8);
  }
}
