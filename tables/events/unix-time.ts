/**
 * Times since boot as Unix time. In numbers and halves of 64 bits: a bigint is made on the heap each time, and
 * three of them took a fifth of the time of an event.
 */
import { Int64 } from '../event.ts';

const WORD = 2 ** 32;
const NS_PER_S = 1e9;

export class UnixTime {
  /** Of the time that was set last; its maker's to use again. */
  readonly ns = new Int64();
  #seconds = 0;
  /** World.bootToUnix as it was last, and its halves. */
  #bootToUnix = 0n;
  #bootHigh = 0;
  #bootLow = 0;
  /** Where the second begins that the last time was in. */
  #beginHigh = 0;
  #beginLow = 0;

  /**
   * @param boot CLOCK_BOOTTIME, ns: exact up to 104 days, then to 2 ns
   * @param bootToUnix what to add to it, ns
   */
  set(boot: number, bootToUnix: bigint): this {
    if (bootToUnix !== this.#bootToUnix) this.#setBoot(bootToUnix);
    const { ns } = this;
    const low = (boot % WORD) + this.#bootLow;
    ns.high = Math.floor(boot / WORD) + this.#bootHigh + (low >= WORD ? 1 : 0);
    ns.low = low >>> 0;
    const into = (ns.high - this.#beginHigh) * WORD + (ns.low - this.#beginLow);
    if (into < 0 || into >= NS_PER_S) this.#setSecond();
    return this;
  }

  /** Whole seconds of it. */
  get seconds(): number {
    return this.#seconds;
  }

  #setBoot(bootToUnix: bigint): void {
    this.#bootToUnix = bootToUnix;
    this.#bootHigh = Number(bootToUnix >> 32n);
    this.#bootLow = Number(BigInt.asUintN(32, bootToUnix));
  }

  /** Times come in order, or nearly: this is once a second. */
  #setSecond(): void {
    this.#seconds = Number(this.ns.value / BigInt(NS_PER_S));
    const begin = BigInt(this.#seconds) * BigInt(NS_PER_S);
    this.#beginHigh = Number(begin >> 32n);
    this.#beginLow = Number(BigInt.asUintN(32, begin));
  }
}
