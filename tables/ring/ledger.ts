/** The counters in the header: what was seen, stored and lost. One process writes, any reads. */
import { LEDGER, LEDGER_NAMES, type Ledger, type LedgerName } from './layout.ts';

/** The slot of each name. */
export const LEDGER_INDEX = Object.fromEntries(
  LEDGER_NAMES.map((name, i) => [name, i]),
) as Readonly<Record<LedgerName, number>>;

/** @param words the header page as 64-bit words */
export function readLedger(words: BigInt64Array): Ledger {
  return Object.fromEntries(
    LEDGER_NAMES.map((name, i) => [name, Number(Atomics.load(words, LEDGER / 8 + i))]),
  ) as Record<LedgerName, number>;
}

/** An event whose text could not be redacted is stored without it. */
const isLostEvent = (name: LedgerName): boolean =>
  name.startsWith('lost_') && name !== 'lost_redaction';

/**
 * Seen, less what was stored and what was lost: the events in flight. At start it is what an earlier
 * collector held in memory when it was killed, for the caller to count as lost.
 */
export function unaccounted(ledger: Ledger): number {
  let rest = ledger.events_seen - ledger.events_stored;
  for (const name of LEDGER_NAMES) if (isLostEvent(name)) rest -= ledger[name];
  return rest;
}

/** The writer's side: counts are kept as Numbers and stored whole, so no reader sees half a carry. */
export class LedgerWriter {
  readonly #words: BigInt64Array;
  readonly #counts = new Float64Array(LEDGER_NAMES.length);

  constructor(words: BigInt64Array) {
    this.#words = words;
    for (let i = 0; i < this.#counts.length; i++) {
      this.#counts[i] = Number(words[LEDGER / 8 + i] ?? 0n);
    }
  }

  count(name: LedgerName, n: number): void {
    const i = LEDGER_INDEX[name];
    this.set(name, (this.#counts[i] ?? 0) + n);
  }

  set(name: LedgerName, value: number): void {
    const i = LEDGER_INDEX[name];
    this.#counts[i] = value;
    this.#words[LEDGER / 8 + i] = BigInt(value);
  }
}
