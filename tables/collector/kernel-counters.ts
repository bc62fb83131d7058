/** The counters of the BPF side (map `counters`, bpf/event.h), as totals of the ledger. */
import { lookupArray, lookupFirst, MapType, mapInfo, possibleCpus } from '../../native/bpf-map.ts';
import { Counter } from '../../native/events.ts';
import type { LedgerName } from '../ring/layout.ts';
import type { RingWriter } from '../ring/writer.ts';

const KEY_BYTES = 4;
const VALUE_BYTES = 8;

/** Which counter of the BPF side is which of the ledger: its first ones, which one call reads. */
const LEDGER_OF_COUNTER: readonly (readonly [number, LedgerName])[] = [
  [Counter.SEEN, 'events_seen'],
  [Counter.LOST_RESERVE, 'lost_reserve'],
  [Counter.LOST_STATE, 'lost_state'],
];

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
  readonly #cpus = possibleCpus();
  readonly #keys = new Uint32Array(LEDGER_OF_COUNTER.length);
  /** Of each counter the counts of all CPUs. */
  readonly #slots = new BigUint64Array(LEDGER_OF_COUNTER.length * this.#cpus);
  readonly #bytes = new Uint8Array(this.#slots.buffer);
  readonly #filtered = new BigUint64Array(this.#cpus);
  readonly #filteredBytes = new Uint8Array(this.#filtered.buffer);

  /**
   * Bring the ledger up to what was counted since the epoch began.
   * @param fd of the map: for one that is not our own see `areCounters`
   */
  read(fd: number, writer: RingWriter): void {
    // What the config did not want is no event of the ledger: it counts as not seen. It is read before what was seen.
    lookupArray(fd, Counter.FILTERED, this.#filteredBytes);
    lookupFirst(fd, this.#keys, this.#bytes);
    const filtered = sum(this.#filtered);
    for (const [counter, name] of LEDGER_OF_COUNTER) {
      const total = sum(this.#slots.subarray(counter * this.#cpus, (counter + 1) * this.#cpus));
      writer.setTotal(name, counter === Counter.SEEN ? total - filtered : total);
    }
  }
}

function sum(counts: BigUint64Array): number {
  let total = 0n;
  for (const count of counts) total += count;
  return Number(total);
}
