/** The container of a process, asked once in a while: events of one process come in bursts. */
import { containerOf } from '../../native/container.ts';

const MAX_KNOWN = 4096;
/** A process number is not used again that soon, ms. */
const KNOWN_MS = 2000;

export class Containers {
  readonly #known = new Map<number, { readonly id: string | null; readonly until: number }>();

  of(pid: number): string | null {
    const now = performance.now();
    const known = this.#known.get(pid);
    if (known && known.until > now) return known.id;
    const id = containerOf(pid);
    this.#known.delete(pid);
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    this.#known.set(pid, { id, until: now + KNOWN_MS });
    return id;
  }
}
