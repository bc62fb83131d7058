/** What the BPF side counts of each probe: the map `stats`, struct probe_stats of bpf/event.h for each CPU. */
import { lookupArray, possibleCpus, updateArray } from '../../native/bpf-map.ts';
import { ProbeStats, TargetLayout } from '../../native/events.ts';
import type { ProbeState } from './probe-state.ts';

const WORDS = ProbeStats.size / 8;

export class ProbeCounts {
  readonly #fd: number;
  readonly #slots = new BigUint64Array(WORDS * possibleCpus());
  readonly #bytes = new Uint8Array(this.#slots.buffer);

  /** @param fd of the map: valid as long as this is used */
  constructor(fd: number) {
    this.#fd = fd;
  }

  /**
   * Bring the state of a probe up to date.
   * @param bootToUnix ns to add to CLOCK_BOOTTIME
   */
  read(target: number, probe: number, bootToUnix: bigint, state: ProbeState): void {
    const slots = this.#slots;
    lookupArray(this.#fd, target * TargetLayout.probes + probe, this.#bytes);
    let hits = 0n;
    let lost = 0n;
    let last = 0n;
    for (let at = 0; at < slots.length; at += WORDS) {
      hits += slots[at + ProbeStats.hits / 8] ?? 0n;
      lost += slots[at + ProbeStats.lost / 8] ?? 0n;
      const time = slots[at + ProbeStats.last / 8] ?? 0n;
      if (time > last) last = time;
    }
    state.hits = Number(hits);
    state.lost = Number(lost);
    state.last_event_time = last > 0n ? Number((last + bootToUnix) / 1_000_000_000n) : null;
  }

  /** The target's number is free for another binary. */
  clear(target: number, probe: number): void {
    updateArray(this.#fd, target * TargetLayout.probes + probe, new Uint8Array(this.#bytes.length));
  }
}
