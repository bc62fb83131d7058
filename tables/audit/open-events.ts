/** Events whose records are still coming, and which ones are over. */
import type { AuditEvent } from './events.ts';

/** How many closed events are remembered, to know a record that comes again: a power of two. */
const CLOSED = 4096;

const SERIALS = 2 ** 32;
/** Open events of one serial number are less than 17 minutes apart: so many of their ms make a key with it. */
const KEY_MS = 2 ** 20;
const keyOf = (serial: number, ms: number): number => (ms % KEY_MS) * SERIALS + serial;

export class OpenEvents {
  /** The newest: nearly all records are its. Not among the others, as a map that changes with each event is slow. */
  #newest: AuditEvent | null = null;
  /** Oldest first. */
  readonly #others = new Map<number, AuditEvent>();
  readonly #closedSerial = new Float64Array(CLOSED).fill(-1);
  readonly #closedMs = new Float64Array(CLOSED);
  /** Closed with the message of a program, whose system call may follow. */
  readonly #closedEarly = new Uint8Array(CLOSED);

  get size(): number {
    return this.#others.size + (this.#newest === null ? 0 : 1);
  }

  /** The open event of this serial number and time. */
  find(serial: number, ms: number): AuditEvent | null {
    const newest = this.#newest;
    if (newest !== null && newest.serial === serial && newest.ms === ms) return newest;
    if (this.#others.size === 0) return null;
    const event = this.#others.get(keyOf(serial, ms));
    return event?.ms === ms ? event : null;
  }

  /** @returns another one that must be closed for it, or null */
  add(event: AuditEvent): AuditEvent | null {
    const before = this.#newest;
    this.#newest = event;
    if (before === null) return null;
    const key = keyOf(before.serial, before.ms);
    const displaced = this.#others.get(key) ?? null;
    this.#others.delete(key);
    this.#others.set(key, before);
    return displaced;
  }

  /** @param early whether more of it may come, that is of no interest */
  close(event: AuditEvent, early: boolean): void {
    const { serial, ms } = event;
    if (event === this.#newest) this.#newest = null;
    else if (this.#others.get(keyOf(serial, ms)) === event) this.#others.delete(keyOf(serial, ms));
    const slot = serial & (CLOSED - 1);
    this.#closedSerial[slot] = serial;
    this.#closedMs[slot] = ms;
    this.#closedEarly[slot] = Number(early);
  }

  wasClosed(serial: number, ms: number): boolean {
    const slot = serial & (CLOSED - 1);
    return this.#closedSerial[slot] === serial && this.#closedMs[slot] === ms;
  }

  /** Of an event that was closed. */
  wasEarly(serial: number): boolean {
    return this.#closedEarly[serial & (CLOSED - 1)] === 1;
  }

  oldest(): AuditEvent | null {
    for (const event of this.#others.values()) return event;
    return this.#newest;
  }
}
