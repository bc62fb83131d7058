/** The one process that writes a ring. README.md has the order of its steps and why. */
import { closeSync } from 'node:fs';
import type { TableSpec, Value } from '../../extension/sdk/spec.ts';
import { LiveAuditError } from '../../native/errors.ts';
import type { Mapping } from '../../native/libc.ts';
import { RowCodec, type StoredRow } from './codec.ts';
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

export interface RingWriterOptions<S extends TableSpec> {
  readonly directory: string;
  readonly spec: S;
  /** Bytes of the data area: a power of two, 64 KiB to 4 GiB. */
  readonly capacity: number;
  /** For tests: called after each step. */
  readonly onStep?: (step: Step) => void;
}

export class RingWriter<S extends TableSpec = TableSpec> {
  readonly path: string;
  readonly capacity: number;
  /** What happened to a file that was there and could not be gone on with. */
  readonly setAside: Opened['setAside'];
  readonly #codec: RowCodec<S>;
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
  /** Up to where the data area has its blocks. */
  #grown: number;
  #closed = false;

  /** @throws LiveAuditError RING_SIZE, RING_UNSAFE, RING_BUSY, RING_IO */
  constructor({ directory, spec, capacity, onStep }: RingWriterOptions<S>) {
    if (!isCapacity(capacity)) throw new LiveAuditError('RING_SIZE', `${spec.name}: ${capacity}`);
    this.path = ringPath(directory, spec.name);
    this.capacity = capacity;
    this.#codec = new RowCodec(spec, maxRecordBytes(capacity));
    this.#onStep = onStep;
    const opened = openOrCreate(this.path, spec, capacity, this.#codec);
    this.setAside = opened.setAside;
    this.#fd = opened.fd;
    this.#map = opened.map;
    this.#page = new Views(opened.map.buffer, 0, HEADER_BYTES);
    this.#data = new Views(opened.map.buffer, HEADER_BYTES);
    this.#head = opened.state.head;
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
   * Store a row and publish it. A row that throws has changed nothing: the caller counts it as lost.
   * @param source where the record that completed it ends in the kernel's ring buffer, in bytes. Within an
   *   epoch it never goes back: a row without one (0) gets that of the row before it.
   * @returns its eid
   * @throws LiveAuditError RING_ROW (too long, or a wrong value), RING_IO (no space), RING_DAMAGED
   */
  append(row: StoredRow<S>, source = 0): number {
    const position = Math.max(source, this.#lastSource);
    return this.#store(this.#codec.encodeRow(this.#nextEid, row, position), position);
  }

  /** The same from values in the spec's order (quicker); the one for `eid` is not looked at. */
  appendValues(values: readonly Value[], source = 0): number {
    const position = Math.max(source, this.#lastSource);
    return this.#store(this.#codec.encodeValues(this.#nextEid, values, position), position);
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

  #store(length: number, source: number): number {
    this.#requireOpen();
    let at = this.#head % this.capacity;
    const room = this.capacity - at;
    const pad = length > room ? room : 0;
    const end = this.#head + pad + length;
    if (end > this.#grown && this.#grown < this.capacity) {
      this.#grown = growRing(this.#fd, this.path, this.#grown, end, this.capacity);
    }
    this.#onStep?.('encoded');
    if (end - this.#tail > this.capacity) this.#overwrite(end - this.capacity);
    this.#onStep?.('tail');
    if (pad !== 0) {
      writeFrame(this.#data, at, pad, PAD);
      at = 0;
    }
    this.#onStep?.('pad');
    this.#data.bytes.set(this.#codec.record.bytes.subarray(0, length), at);
    this.#onStep?.('record');
    this.#ledger.count('events_stored', 1);
    this.#onStep?.('stored');
    Atomics.store(this.#page.i64, HEAD / 8, BigInt(end));
    this.#onStep?.('head');
    this.#head = end;
    if (this.#epoch.id !== 0n) this.#lastSource = source;
    return this.#nextEid++;
  }

  /** Give up the oldest records until `tail` is at least `target`. */
  #overwrite(target: number): void {
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
