/** Encoded rows → the socket: one chunk is on its way, however slow the reader, while the next is encoded. */
import type { Socket } from 'node:net';
import { Chunks } from './chunks.ts';
import type { Row } from './context.ts';
import type { RowBuffer } from './row-buffer.ts';
import { RowEncoder } from './row-encoder.ts';
import type { Selection } from './selection.ts';
import type { SlabPool } from './slab-pool.ts';
import type { Slice } from './slice.ts';
import { ValueEncoder } from './value-encoder.ts';

/** The clock is looked at once in so many rows. */
export const ROWS_PER_LOOK = 32;

export class RowSender {
  readonly #socket: Socket;
  readonly #selection: Selection;
  readonly #chunks: Chunks;
  readonly #slice: Slice;
  #underWay: Promise<void> | undefined;

  /**
   * @param slice in which the event loop is held
   * @param head what stands before the rows; it goes with the first of them, as each write wakes the client
   */
  constructor(
    socket: Socket,
    selection: Selection,
    pool: SlabPool,
    slice: Slice,
    head: Uint8Array,
  ) {
    this.#socket = socket;
    this.#selection = selection;
    this.#slice = slice;
    this.#chunks = new Chunks(pool);
    this.#chunks.put(head);
  }

  /** @param rows as many as the head says */
  async values(rows: readonly Row[]): Promise<void> {
    const { keys, types } = this.#selection;
    const encoder = new ValueEncoder(keys, types, this.#chunks);
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i] ?? [];
      while (!encoder.add(row)) await this.#send();
      if (i % ROWS_PER_LOOK === 0 && this.#slice.isOver) await this.#slice.next();
    }
  }

  async buffered(buffer: RowBuffer): Promise<void> {
    const encoder = new RowEncoder(this.#selection.keys, this.#chunks);
    for (let slab = buffer.takeSlab(); slab !== undefined; slab = buffer.takeSlab()) {
      encoder.open(slab);
      while (encoder.fill()) {
        await this.#send();
        if (this.#slice.isOver) await this.#slice.next();
      }
      buffer.free(slab);
    }
  }

  /** @param tail what stands behind the rows. Resolves when the kernel has all */
  async finish(tail: Uint8Array): Promise<void> {
    this.#chunks.put(tail);
    await this.#send();
    await this.#underWay;
    // Only now: of a write that failed the memory may still be looked at.
    this.#chunks.release();
  }

  async #send(): Promise<void> {
    await this.#underWay;
    this.#underWay = send(this.#socket, this.#chunks.take());
    this.#underWay.catch(() => {}); // it is thrown where it is awaited
  }
}

/** At once. Resolves when the kernel has the bytes. */
export function send(socket: Socket, bytes: Uint8Array): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.write(bytes, (error) => (error ? reject(error) : resolve()));
  return promise;
}
