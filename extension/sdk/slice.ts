/** A turn of the event loop, so that pings are answered while an answer is made. */
import { setImmediate as nextTurn } from 'node:timers/promises';

/** The event loop is held for this long at most, provided that a row takes less. */
const SLICE_MS = 5;

export class Slice {
  #end = performance.now() + SLICE_MS;

  get isOver(): boolean {
    return performance.now() >= this.#end;
  }

  async next(): Promise<void> {
    await nextTurn();
    this.#end = performance.now() + SLICE_MS;
  }
}
