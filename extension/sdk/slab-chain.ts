/** Slabs that are filled one after the other and taken in that order, within a budget. */
import { LiveAuditError } from '../../native/errors.ts';
import type { Budget } from './budget.ts';
import { NO_SLAB, SLAB_SIZE, type Slab, type SlabPool } from './slab-pool.ts';

export class SlabChain {
  /** The one that is being filled; of size 0 at first. */
  current = NO_SLAB;
  readonly #budget: Budget;
  readonly #pool: SlabPool;
  #full: Slab[] = [];
  #taken = 0;

  /** @param budget for the slabs; given back by `release` */
  constructor(budget: Budget, pool: SlabPool) {
    this.#budget = budget;
    this.#pool = pool;
  }

  /**
   * Go on in a new slab, which begins with the last bytes of the current one.
   * @param from where these begin, @param to where they end, @param room needed behind them
   * @throws LiveAuditError RESULT_TOO_LARGE, after which only `release` is left to call
   */
  extend(from: number, to: number, room: number): Slab {
    const before = this.current;
    const moved = before.bytes.subarray(from, to);
    const next = this.#allocate(Math.max(SLAB_SIZE, moved.length * 2 + room));
    next.bytes.set(moved);
    before.filled = from;
    if (from > 0) this.#full.push(before);
    else if (before !== NO_SLAB) this.free(before); // what is moved outgrew it
    this.current = next;
    return next;
  }

  get hasFull(): boolean {
    return this.#full.length > 0;
  }

  takeFull(): Slab | undefined {
    return this.#full.shift();
  }

  /** @param filled bytes that are in use */
  takeCurrent(filled: number): Slab {
    const last = this.current;
    last.filled = filled;
    this.current = NO_SLAB;
    return last;
  }

  free(slab: Slab): void {
    this.#budget.give(slab.size);
    this.#taken -= slab.size;
    this.#pool.give(slab);
  }

  /** Gives all back, also those that were taken out. */
  release(): void {
    for (const slab of this.#full) this.free(slab);
    this.#full = [];
    if (this.current !== NO_SLAB) this.free(this.takeCurrent(0));
    this.#budget.give(this.#taken);
    this.#taken = 0;
  }

  #allocate(size: number): Slab {
    if (!this.#budget.take(size))
      throw new LiveAuditError('RESULT_TOO_LARGE', `no memory for ${this.#taken + size} bytes`);
    this.#taken += size;
    return this.#pool.take(size);
  }
}
