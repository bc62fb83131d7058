/** When to look at a kernel ring buffer again: one look serves a burst, and none finds the ring full. */

/** After a look that found little, ms. */
const PAUSE_MS = 40;
/** … that found so much that the ring might be full by then. */
export const SHORT_PAUSE_MS = 10;
/** … of a ring that is busy, and far from full. A look costs as much as hundreds of events: all caches are cold. */
const LONG_PAUSE_MS = 120;
/** A ring that has so much in it at a look is busy: hundreds of records. */
const BUSY_BYTES = 64 * 1024;
/** What a busy ring is to hold at the next look: this part of its size. */
const FILLED = 8;

export class RingPace {
  /** What a busy ring is to hold, bytes. */
  readonly #wanted: number;
  #pause = PAUSE_MS;

  /** @param size bytes of the ring */
  constructor(size: number) {
    this.#wanted = size / FILLED;
  }

  /**
   * @param bytes what a look found
   * @returns how long the next one may wait, ms; 0 where nothing was found: until there is something
   */
  after(bytes: number): number {
    const isBusy = bytes >= Math.min(BUSY_BYTES, this.#wanted);
    const pause = isBusy ? (this.#pause * this.#wanted) / bytes : PAUSE_MS;
    this.#pause = Math.round(Math.min(Math.max(pause, SHORT_PAUSE_MS), LONG_PAUSE_MS));
    return bytes === 0 ? 0 : this.#pause;
  }
}
