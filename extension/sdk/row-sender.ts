/** Buffered rows → the socket. */
import type { Socket } from 'node:net';
import type { RowBuffer } from './row-buffer.ts';
import { RowEncoder } from './row-encoder.ts';
import type { RowKeys } from './row-keys.ts';
import { SLAB_SIZE, type Slab, type SlabPool } from './slab-pool.ts';
import type { Slice } from './slice.ts';

/**
 * One chunk is on its way, however slow the reader, while the next is encoded. A small answer is one write: each wakes
 * the client.
 */
export class RowSender {
  readonly #socket: Socket;
  readonly #buffer: RowBuffer;
  readonly #pool: SlabPool;
  readonly #chunks: readonly [Slab, Slab];
  readonly #encoder: RowEncoder;
  readonly #slice: Slice;
  #underWay: Promise<void> | undefined;

  /** @param slice in which the event loop is held */
  constructor(socket: Socket, buffer: RowBuffer, keys: RowKeys, pool: SlabPool, slice: Slice) {
    this.#socket = socket;
    this.#buffer = buffer;
    this.#pool = pool;
    this.#slice = slice;
    this.#chunks = [pool.take(SLAB_SIZE), pool.take(SLAB_SIZE)];
    this.#encoder = new RowEncoder(keys, this.#chunks);
  }

  /** What stands before the rows; it goes with the first chunk. */
  begin(head: Uint8Array): void {
    this.#encoder.put(head);
  }

  async sendFull(): Promise<void> {
    while (this.#buffer.hasFullSlab) await this.#sendSlab();
  }

  /** All that is buffered, and what stands behind the rows. Resolves when the kernel has it. */
  async finish(tail: Uint8Array): Promise<void> {
    while (!this.#buffer.isEmpty) await this.#sendSlab();
    this.#encoder.put(tail);
    await this.#underWay;
    await send(this.#socket, this.#encoder.take());
    // Only when the kernel has taken all: a write that failed may still be looked at.
    for (const chunk of this.#chunks) this.#pool.give(chunk);
  }

  async #sendSlab(): Promise<void> {
    const slab = this.#buffer.takeSlab();
    if (slab === undefined) return;
    this.#encoder.open(slab);
    while (this.#encoder.fill()) {
      await this.#underWay;
      this.#underWay = send(this.#socket, this.#encoder.take());
      this.#underWay.catch(() => {}); // it is thrown where it is awaited
      if (this.#slice.isOver) await this.#slice.next();
    }
    this.#buffer.free(slab);
  }
}

/** At once. Resolves when the kernel has the bytes. */
export function send(socket: Socket, bytes: Uint8Array): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.write(bytes, (error) => (error ? reject(error) : resolve()));
  return promise;
}
