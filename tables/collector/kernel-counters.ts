/** The counters of the BPF side (map `counters`, bpf/event.h), as totals of the ledger. */
import { lookupArray, lookupFirst, MapType, mapInfo, possibleCpus } from '../../native/bpf-map.ts';
import { Counter } from '../../native/events.ts';
import type { LedgerName } from '../ring/layout.ts';
import type { RingWriter } from '../ring/writer.ts';

const KEY_BYTES = 4;
const VALUE_BYTES = 8;

/** Which counters of the BPF side, the first ones, are which of the ledger. */
const LEDGER_NAMES: readonly LedgerName[] = ['events_seen', 'lost_reserve', 'lost_state'];

/** Whether a descriptor is of such a map: reading another one would write beyond our memory. */
export function areCounters(fd: number): boolean {
  const { type, keySize, valueSize, maxEntries } = mapInfo(fd);
  return (
    type === MapType.PERCPU_ARRAY &&
    keySize === KEY_BYTES &&
    valueSize === VALUE_BYTES &&
    maxEntries > Counter.FILTERED
  );
}

export class KernelCounters {
  readonly #keys = new Uint32Array(LEDGER_NAMES.length);
  /** Of each counter the counts of all CPUs. */
  readonly #slots = new BigUint64Array(LEDGER_NAMES.length * possibleCpus());
  readonly #bytes = new Uint8Array(this.#slots.buffer);
  readonly #filtered = new BigUint64Array(possibleCpus());

  /**
   * Bring the ledger up to what was counted since the epoch began.
   * @param fd of the map: for one that is not our own see `areCounters`
   */
  read(fd: number, writer: RingWriter): void {
    // What the config did not want is no event of the ledger: it counts as not seen. It is read before what was seen.
    lookupArray(fd, Counter.FILTERED, new Uint8Array(this.#filtered.buffer));
    lookupFirst(fd, this.#keys, this.#bytes);
    const cpus = this.#filtered.length;
    for (const [counter, name] of LEDGER_NAMES.entries()) {
      const total = sum(this.#slots, counter * cpus, cpus);
      writer.setTotal(
        name,
        counter === Counter.SEEN ? total - sum(this.#filtered, 0, cpus) : total,
      );
    }
  }
}

function sum(slots: BigUint64Array, from: number, count: number): number {
  let total = 0n;
  for (let i = from; i < from + count; i++) total += slots[i] as bigint;
  return Number(total);
}
