/**
 * The epoch: which kernel ring buffer the newest records come from, where its records begin, and the ledger as
 * it was then. Its id is stored last, and the old one cleared first: whatever else a killed writer left, an
 * epoch with an id is whole.
 */
import { LiveAuditError } from '../../native/errors.ts';
import {
  EPOCH_BASES,
  EPOCH_EID,
  EPOCH_ID,
  LEDGER,
  LEDGER_NAMES,
  LEDGER_SLOTS,
  type LedgerName,
  type Views,
} from './layout.ts';
import { LEDGER_INDEX } from './ledger.ts';

/** The steps of a beginning, in order; 'base' once for each slot. */
export type EpochStep = 'no epoch' | 'eid' | 'base' | 'epoch';

/** Why the epoch in a header page cannot be right, or null. */
export function epochProblem(page: Views, firstEid: number, nextEid: number): string | null {
  if (page.i64[EPOCH_ID / 8] === 0n) return null;
  const eid = Number(page.i64[EPOCH_EID / 8]);
  if (!Number.isSafeInteger(eid) || eid < firstEid || eid > nextEid) return `epoch at eid ${eid}`;
  for (let i = 0; i < LEDGER_NAMES.length; i++) {
    const base = page.i64[EPOCH_BASES / 8 + i] ?? 0n;
    const count = page.i64[LEDGER / 8 + i] ?? 0n;
    if (base < 0n || base > count) return `${LEDGER_NAMES[i]} is ${count} from ${base}`;
  }
  return null;
}

/** The writer's side, over words that were found right. */
export class EpochWriter {
  readonly #words: BigInt64Array;
  #id: bigint;

  constructor(page: Views) {
    this.#words = page.i64;
    this.#id = BigInt.asUintN(64, this.#words[EPOCH_ID / 8] ?? 0n);
  }

  /** 0n: none. */
  get id(): bigint {
    return this.#id;
  }

  /** Whether the record with this eid was stored in this epoch. */
  holds(eid: number): boolean {
    return this.#id !== 0n && eid >= Number(this.#words[EPOCH_EID / 8]);
  }

  /** What a counter was when the epoch began. */
  base(name: LedgerName): number {
    return Number(this.#words[EPOCH_BASES / 8 + LEDGER_INDEX[name]]);
  }

  /** @throws LiveAuditError INTERNAL where the id is none, or not of 64 bits */
  begin(id: bigint, nextEid: number, onStep: (step: EpochStep) => void = () => {}): void {
    if (id === 0n || BigInt.asUintN(64, id) !== id) {
      throw new LiveAuditError('INTERNAL', `epoch ${id}`);
    }
    const words = this.#words;
    // Atomics: neither the compiler nor the processor moves the stores between over them.
    this.#id = 0n;
    Atomics.store(words, EPOCH_ID / 8, 0n);
    onStep('no epoch');
    words[EPOCH_EID / 8] = BigInt(nextEid);
    onStep('eid');
    for (let i = 0; i < LEDGER_SLOTS; i++) {
      words[EPOCH_BASES / 8 + i] = words[LEDGER / 8 + i] ?? 0n;
      onStep('base');
    }
    Atomics.store(words, EPOCH_ID / 8, BigInt.asIntN(64, id));
    onStep('epoch');
    this.#id = id;
  }
}
