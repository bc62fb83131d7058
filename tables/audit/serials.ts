/**
 * Serial numbers that never came: the kernel gives one to each event, counting up from boot and rolling over at
 * 2^32. Events come a little out of order, so a number counts as missing only after a while, and then for good.
 */

/** How long a number that is left out may still come, ms. */
export const SETTLE_MS = 2000;
/** Ranges that are waited for; a loss so scattered is counted at once. */
const MAX_RANGES = 1024;

interface Range {
  from: number;
  count: number;
  readonly since: number;
}

export class Serials {
  /** Numbers that are known not to have come. */
  missing = 0;
  #next: number | null;
  #newestMs = 0;
  #ranges: Range[] = [];

  /** @param next the number that comes next, where a collector before us knew it */
  constructor(next: number | null = null) {
    this.#next = next;
  }

  /** The number that the next event has, if none is left out; null before the first. */
  get next(): number | null {
    return this.#next;
  }

  /**
   * @param ms the event's own time
   * @param now for how long numbers are missing, ms
   */
  see(serial: number, ms: number, now: number): void {
    const next = this.#next;
    if (next !== null) {
      const ahead = (serial - next) | 0;
      if (ahead === -1) return; // another record of the newest event
      if (ahead < 0) {
        if (ms <= this.#newestMs + SETTLE_MS) {
          if (this.#ranges.length > 0) this.#late(serial);
          return;
        }
        // Of a later boot: the count began anew.
      } else if (ahead > 0) {
        this.#ranges.push({ from: next, count: ahead, since: now });
        if (this.#ranges.length > MAX_RANGES) this.#give(this.#ranges.shift());
      }
    }
    this.#next = (serial + 1) >>> 0;
    if (ms > this.#newestMs) this.#newestMs = ms;
  }

  /** Count what was waited for long enough. */
  settle(now: number): void {
    while (this.#ranges[0] && now - this.#ranges[0].since >= SETTLE_MS) {
      this.#give(this.#ranges.shift());
    }
  }

  /** Nothing more comes: count all. */
  close(): void {
    for (const range of this.#ranges.splice(0)) this.#give(range);
  }

  #give(range: Range | undefined): void {
    this.missing += range?.count ?? 0;
  }

  /** Take a number out of the range that it was missing in. */
  #late(serial: number): void {
    for (const [i, range] of this.#ranges.entries()) {
      const offset = (serial - range.from) >>> 0;
      if (offset >= range.count) continue;
      const rest = range.count - offset - 1;
      range.count = offset;
      const after = { from: (serial + 1) >>> 0, count: rest, since: range.since };
      const pieces = [range, after].filter(({ count }) => count > 0);
      this.#ranges.splice(i, 1, ...pieces);
      return;
    }
  }
}
