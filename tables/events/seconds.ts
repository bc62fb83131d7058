/** Whole seconds of times that come in order, or nearly: a division of bigints once a second, not each time. */
const NS_PER_S = 1_000_000_000n;

export class Seconds {
  #begin = 0n;
  #end = 0n;
  #value = 0;

  /** @param ns not negative */
  of(ns: bigint): number {
    if (ns < this.#begin || ns >= this.#end) {
      this.#value = Number(ns / NS_PER_S);
      this.#begin = BigInt(this.#value) * NS_PER_S;
      this.#end = this.#begin + NS_PER_S;
    }
    return this.#value;
  }
}
