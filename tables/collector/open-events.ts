/**
 * The events that are not whole yet, over the life of several collectors: what the assembler holds of them is
 * in the checkpoint before the kernel gets the room of their records back, and those whose end will never come
 * are closed once, whenever a collector is killed.
 */
import type { Event } from '../event.ts';
import type { RingWriter } from '../ring/writer.ts';
import type { Assembler } from './capture.ts';
import type { Checkpoint, CheckpointFile } from './checkpoint.ts';
import type { Trouble } from './trouble.ts';

/** What a checkpoint holds. */
interface OpenState {
  /** What the assembler saved. */
  readonly open: unknown;
  /** Events that are being closed: those of these processes, in this order, get the eids from here on. */
  readonly closing: { readonly pids: readonly number[]; readonly eid: number } | null;
}

export interface OpenEventsOptions {
  readonly assembler: Assembler;
  readonly writer: RingWriter;
  /** null: nothing outlives this process. */
  readonly file: CheckpointFile | null;
  /** Hears of checkpoints that cannot be written. */
  readonly trouble: Trouble;
}

export class OpenEvents {
  readonly #assembler: Assembler;
  readonly #writer: RingWriter;
  readonly #file: CheckpointFile | null;
  readonly #trouble: Trouble;

  constructor({ assembler, writer, file, trouble }: OpenEventsOptions) {
    this.#assembler = assembler;
    this.#writer = writer;
    this.#file = file;
    this.#trouble = trouble;
  }

  /**
   * Go on with what the last collector held.
   * @param epoch of the kernel's ring
   * @param released up to where that has its room back
   * @returns the position up to which its records are in what was restored
   */
  resume(epoch: bigint, released: number): number {
    const checkpoint = this.#file?.read() ?? null;
    // One that is older than what the kernel has its room back of stands for "nothing was open".
    if (checkpoint?.epoch !== epoch || checkpoint.position < released) return 0;
    this.#restore(checkpoint);
    return checkpoint.position;
  }

  /**
   * The kernel's ring of these events is gone: store what the last collector held of them as it stands. What
   * completed after the checkpoint makes that worthless.
   */
  closeThoseOf(epoch: bigint, store: (event: Event, source: number) => boolean): void {
    const checkpoint = this.#file?.read() ?? null;
    if (checkpoint?.epoch !== epoch || checkpoint.position < this.#writer.lastSource) return;
    this.#restore(checkpoint);
    this.close([...this.#assembler.openPids], checkpoint, store);
  }

  #restore({ state }: Checkpoint): void {
    const { open, closing } = (state ?? {}) as Partial<OpenState>;
    this.#assembler.restore(open);
    const stored = closing ? this.#writer.nextEid - closing.eid : 0;
    for (const pid of closing?.pids.slice(0, Math.max(stored, 0)) ?? [])
      this.#assembler.abandon(pid);
  }

  /** Before the kernel gets its room back up to here. @returns whether it is written */
  save(epoch: bigint, position: number, closing: OpenState['closing'] = null): boolean {
    if (!this.#file) return true;
    try {
      const state: OpenState = { open: this.#assembler.save(), closing };
      this.#file.write({ epoch, position, state });
      this.#trouble.over();
      return true;
    } catch (error) {
      // Capture goes on; only a kill in this very state would cost what is open.
      this.#trouble.tell(`no checkpoint: ${(error as Error).message}`);
      return false;
    }
  }

  /** Processes with an event that is not whole. */
  get pids(): Iterable<number> {
    return this.#assembler.openPids;
  }

  get isAny(): boolean {
    return this.#assembler.isOpen;
  }

  /**
   * Store events as they stand, for their end will never come.
   * @param at where the kernel's ring is read up to
   * @param store says whether the ring file took it
   */
  close(
    pids: readonly number[],
    { epoch, position }: { readonly epoch: bigint; readonly position: number },
    store: (event: Event, source: number) => boolean,
  ): void {
    for (let rest = pids; rest.length > 0; ) {
      this.#writer.publish(); // eids are given to what is stored, from here on
      if (!this.save(epoch, position, { pids: rest, eid: this.#writer.nextEid })) return; // later
      let done = 0;
      for (let stored = true; stored && done < rest.length; done++) {
        const event = this.#assembler.abandon(rest[done] ?? 0);
        stored = event !== null && store(event, position); // else the count of eids ends here
      }
      rest = rest.slice(done);
    }
    this.#writer.publish();
    if (pids.length > 0) this.save(epoch, position);
  }
}
