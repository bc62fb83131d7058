/**
 * The consumer of one BPF ring buffer (kernel/bpf/ringbuf.c, since 5.8), in plain JavaScript over an mmap.
 *
 * The map's memory: the consumer page (ours to write) at offset 0; from offset PAGE_SIZE on, the producer
 * page and then the data, mapped twice in a row so that a record is always contiguous. Each record has an
 * 8-byte header: u32 length with the busy and discard bits, u32 page offset. Lengths are rounded up to 8.
 */
import koffi, { type node } from 'koffi';
import { Mapping, PROT_READ, PROT_WRITE, pageSize } from './libc.ts';

const BUSY = 0x8000_0000 | 0;
const DISCARD = 0x4000_0000;
const LENGTH = 0x3fff_ffff;
const HEADER = 8;
/** One pass hands over no more than about this, so that the caller can give room back in between. */
const PASS_BYTES = 512 * 1024;

/**
 * Gets each record in order; `view` is the kernel's memory, valid only during the call. `end` is the
 * position behind the record: it only grows, for as long as the BPF map lives.
 */
export type RecordSink = (view: DataView, offset: number, length: number, end: number) => void;

export class KernelRing {
  readonly #size: number;
  readonly #consumerMap: Mapping;
  readonly #dataMap: Mapping;
  readonly #consumer: BigInt64Array;
  readonly #producer: BigInt64Array;
  readonly #headers: Int32Array;
  readonly #view: DataView;
  #position: number;
  #released: number;

  /**
   * Goes on where the last consumer gave room back.
   * @param size bytes of data: the map's max_entries
   */
  constructor(fd: number, size: number) {
    const page = pageSize();
    this.#size = size;
    this.#consumerMap = new Mapping(fd, page, PROT_READ | PROT_WRITE);
    try {
      this.#dataMap = new Mapping(fd, page + 2 * size, PROT_READ, page);
    } catch (error) {
      this.#consumerMap.close();
      throw error;
    }
    this.#consumer = new BigInt64Array(this.#consumerMap.buffer, 0, 1);
    this.#producer = new BigInt64Array(this.#dataMap.buffer, 0, 1);
    this.#headers = new Int32Array(this.#dataMap.buffer, page, (2 * size) / 4);
    this.#view = new DataView(this.#dataMap.buffer, page, 2 * size);
    this.#position = Number(Atomics.load(this.#consumer, 0));
    this.#released = this.#position;
  }

  /** Behind the last record that was handed over. */
  get position(): number {
    return this.#position;
  }

  /** Up to where the kernel has its room back. */
  get released(): number {
    return this.#released;
  }

  /**
   * Hand over what is there, at most one pass of it. The room stays taken until `release`.
   * @returns how many records were handed over
   */
  drain(sink: RecordSink): number {
    const mask = this.#size - 1;
    const headers = this.#headers;
    const end = Math.min(Number(Atomics.load(this.#producer, 0)), this.#position + PASS_BYTES);
    let position = this.#position;
    let records = 0;
    try {
      while (position < end) {
        const offset = position & mask;
        const header = Atomics.load(headers, offset >>> 2);
        if ((header & BUSY) !== 0) break; // its program is still writing it
        const length = header & LENGTH;
        position += (length + HEADER + 7) & ~7;
        if ((header & DISCARD) !== 0) continue;
        sink(this.#view, offset + HEADER, length, position);
        records++;
      }
      return records;
    } finally {
      this.#position = position;
    }
  }

  /** Give the room of everything that was handed over back to the kernel. */
  release(): void {
    if (this.#position === this.#released) return;
    Atomics.store(this.#consumer, 0, BigInt(this.#position));
    this.#released = this.#position;
  }

  close(): void {
    this.#consumerMap.close();
    this.#dataMap.close();
  }
}

/**
 * Call `drain` whenever the descriptor gets readable: at once, then again and again after the pause that it asks
 * for, until nothing was there. Level-triggered: what comes between the last drain and the wait wakes at once.
 *
 * An event that comes alone is there at once.
 */
export class RingWaker {
  /** Kept here for its whole life: a poll handle that nothing refers to is collected and goes quiet. */
  readonly #handle: node.PollHandle;
  readonly #drain: () => number;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /** @param drain returns how long the next look may wait, ms; 0: nothing was there */
  constructor(fd: number, drain: () => number) {
    this.#drain = drain;
    this.#handle = koffi.node.poll(fd, { readable: true }, () => this.#wake());
  }

  #wake(): void {
    this.#handle.stop();
    this.#look();
  }

  #look(): void {
    const pause = this.#drain();
    if (this.#closed) return;
    if (pause > 0) this.#timer = setTimeout(() => this.#look(), pause);
    else this.#handle.start({ readable: true }, () => this.#wake());
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#handle.close();
  }
}
