/** Serial numbers of audit events, as positions that do not roll over, and the boot that they are of. */
import fs from 'node:fs';

/** 64 bits that tell this boot from others: never 0. */
export function bootEpoch(): bigint {
  const boot = fs.readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').replaceAll('-', '');
  return BigInt(`0x${boot.slice(0, 16)}`) | 1n;
}

/** How many serial numbers there were up to the newest event, all turns of 2^32 counted. */
export class SerialPosition {
  #value: number;

  /** @param next what it was when a collector before us stopped; null where nobody knows */
  constructor(next: number | null) {
    this.#value = next ?? -1;
  }

  /** 0 before the first event. */
  get value(): number {
    return Math.max(this.#value, 0);
  }

  see(serial: number): void {
    const position = this.at((serial + 1) >>> 0);
    if (position > this.#value) this.#value = position;
  }

  /** The position at which `next` is the number that comes next: the nearest one. */
  at(next: number): number {
    if (this.#value < 0) return next;
    const ahead = (next - (this.#value % 2 ** 32)) | 0;
    return Math.max(this.#value + ahead, 0);
  }
}
