/** Runs a table's `generate` in slices and writes the reply, so that pings are answered meanwhile. */
import type { Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Budget } from './budget.ts';
import type { EncodableRow, QueryContext, Row, ServedTable } from './context.ts';
import { RowBuffer } from './row-buffer.ts';
import { RowEncoder } from './row-encoder.ts';
import { withRowId } from './row-id.ts';
import { SLAB_SIZE, type Slab, type SlabPool } from './slab-pool.ts';
import type { GenerateAnswer } from './table-plugin.ts';
import { BinaryWriter } from './thrift/binary-writer.ts';
import { ExtensionCode } from './thrift/index.ts';
import { MessageType, Type } from './thrift/wire.ts';

/** The event loop is held for this long at most, provided that a row takes less. */
const SLICE_MS = 5;
/** It looks up once in so many rows. */
const ROWS_PER_LOOK = 32;

/** Field ids of `call`'s result, ExtensionResponse and ExtensionStatus (osquery.thrift). */
const Field = {
  SUCCESS: 0,
  STATUS: 1,
  RESPONSE: 2,
  CODE: 1,
  MESSAGE: 2,
  UUID: 3,
} as const;

/**
 * Sends the whole reply of one `call`. The number of rows stands before them: those of an array are sent as they
 * are encoded, all others are counted first.
 * @returns what to tell the table when the client has read it
 * @throws Error from the table, before a byte is sent or else with the socket destroyed; or from the socket
 */
export async function replyWithRows(
  socket: Socket,
  seqid: number,
  uuid: bigint,
  { table, context }: GenerateAnswer,
  budget: Budget,
  pool: SlabPool,
): Promise<(() => void) | undefined> {
  const { asked, keys } = withRowId(table.spec, context);
  const types = asked.columns.map(({ type }) => type);
  const buffer = new RowBuffer(types, budget, pool);
  const sender = new RowSender(socket, buffer, keys, pool);
  const slice = new Slice();
  const left = new AbortController();
  const leave = (): void => left.abort();
  socket.once('close', leave);
  let begun = false;
  try {
    const rows = await rowsOf(table, asked, left.signal);
    const counted = Array.isArray(rows);
    if (counted) {
      begun = true;
      sender.begin(replyHead(seqid, uuid, rows.length));
    }
    const pause = async (): Promise<void> => {
      if (counted) await sender.sendFull();
      if (slice.isOver) await slice.next();
    };
    // Leaving a loop ends the table's iterator; nobody waits for the rest where the socket is closed.
    if (Symbol.asyncIterator in rows) {
      for await (const row of rows) {
        buffer.append(row);
        await pause();
        if (socket.destroyed) return undefined;
      }
    } else {
      for (const row of rows) {
        buffer.append(row);
        if (buffer.rows % ROWS_PER_LOOK !== 0) continue;
        await pause();
        if (socket.destroyed) return undefined;
      }
    }
    begun = true;
    if (!counted) sender.begin(replyHead(seqid, uuid, buffer.rows));
    await sender.finish(REPLY_TAIL);
    return table.taken && (() => table.taken?.(asked));
  } catch (error) {
    if (begun) socket.destroy();
    throw error;
  } finally {
    socket.off('close', leave);
    buffer.release();
  }
}

async function rowsOf(
  table: ServedTable,
  asked: QueryContext,
  signal: AbortSignal,
): Promise<Iterable<Row | EncodableRow> | AsyncIterable<Row>> {
  if (table.encodable !== undefined) return table.encodable(asked);
  const rows = await table.generate(asked, signal);
  // They are counted now: what the table adds to its array later is of another answer.
  return Array.isArray(rows) ? rows.slice() : rows;
}

/** A turn of the event loop that we may hold. */
class Slice {
  #end = performance.now() + SLICE_MS;

  get isOver(): boolean {
    return performance.now() >= this.#end;
  }

  async next(): Promise<void> {
    await nextTurn();
    this.#end = performance.now() + SLICE_MS;
  }
}

/**
 * Buffered rows → the socket: one chunk is on its way, however slow the reader, while the next is encoded. A small
 * answer is one write: each wakes the client.
 */
class RowSender {
  readonly #socket: Socket;
  readonly #buffer: RowBuffer;
  readonly #pool: SlabPool;
  readonly #chunks: readonly [Slab, Slab];
  readonly #encoder: RowEncoder;
  readonly #slice = new Slice();
  /** What goes with the next chunk. */
  #head: Uint8Array[] = [];
  #underWay: Promise<void> | undefined;

  constructor(
    socket: Socket,
    buffer: RowBuffer,
    keys: readonly (readonly string[])[],
    pool: SlabPool,
  ) {
    this.#socket = socket;
    this.#buffer = buffer;
    this.#pool = pool;
    this.#chunks = [pool.take(SLAB_SIZE), pool.take(SLAB_SIZE)];
    this.#encoder = new RowEncoder(keys, this.#chunks);
  }

  /** What stands before the rows. */
  begin(head: Uint8Array): void {
    this.#head = [head];
  }

  async sendFull(): Promise<void> {
    while (this.#buffer.hasFullSlab) await this.#sendSlab();
  }

  /** All that is buffered, and what stands behind the rows. Resolves when the kernel has it. */
  async finish(tail: Uint8Array): Promise<void> {
    while (await this.#sendSlab(tail));
    if (this.#head.length > 0) this.#send([tail]); // no rows
    await this.#underWay;
    // Only when the kernel has taken all: a write that failed may still be looked at.
    for (const chunk of this.#chunks) this.#pool.give(chunk);
  }

  /** @param tail to be sent behind the last row */
  async #sendSlab(tail?: Uint8Array): Promise<boolean> {
    const slab = this.#buffer.takeSlab();
    if (slab === undefined) return false;
    this.#encoder.open(slab);
    for (let bytes = this.#encoder.next(); bytes !== undefined; bytes = this.#encoder.next()) {
      await this.#underWay;
      const isLast = tail !== undefined && this.#encoder.isDone && this.#buffer.isEmpty;
      this.#send(isLast ? [bytes, tail] : [bytes]);
      if (this.#slice.isOver) await this.#slice.next();
    }
    this.#buffer.free(slab);
    return true;
  }

  #send(parts: readonly Uint8Array[]): void {
    this.#underWay = send(this.#socket, ...this.#head, ...parts);
    this.#underWay.catch(() => {}); // it is thrown where it is awaited
    this.#head = [];
  }
}

/** At once. Resolves when the kernel has the bytes. */
export function send(socket: Socket, ...parts: readonly Uint8Array[]): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const last = parts.length - 1;
  socket.cork();
  for (const [i, bytes] of parts.entries())
    socket.write(bytes, i < last ? undefined : (error) => (error ? reject(error) : resolve()));
  socket.uncork();
  return promise;
}

/** Everything before the first row. */
function replyHead(seqid: number, uuid: bigint, rows: number): Buffer {
  const head = new BinaryWriter();
  head.writeMessageBegin('call', MessageType.REPLY, seqid);
  head.writeFieldBegin('success', Type.STRUCT, Field.SUCCESS);
  head.writeFieldBegin('status', Type.STRUCT, Field.STATUS);
  head.writeFieldBegin('code', Type.I32, Field.CODE);
  head.writeI32(ExtensionCode.SUCCESS);
  head.writeFieldBegin('message', Type.STRING, Field.MESSAGE);
  head.writeString('OK');
  head.writeFieldBegin('uuid', Type.I64, Field.UUID);
  head.writeI64(uuid);
  head.writeFieldStop();
  head.writeFieldBegin('response', Type.LIST, Field.RESPONSE);
  head.writeListBegin(Type.MAP, rows);
  return head.bytes;
}

/** The ends of ExtensionResponse and of the result. */
const REPLY_TAIL = Uint8Array.of(Type.STOP, Type.STOP);
