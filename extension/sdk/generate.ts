/** Runs a table's `generate` in slices and writes the reply, so that pings are answered meanwhile. */
import type { Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Budget } from './budget.ts';
import { RowBuffer } from './row-buffer.ts';
import { RowEncoder } from './row-encoder.ts';
import { withRowId } from './row-id.ts';
import { SLAB_SIZE, type SlabPool } from './slab-pool.ts';
import type { GenerateAnswer } from './table-plugin.ts';
import { BinaryWriter } from './thrift/binary-writer.ts';
import { ExtensionCode } from './thrift/index.ts';
import { MessageType, Type } from './thrift/wire.ts';

/** The event loop is held for this long at most, provided that a row takes less. */
const SLICE_MS = 5;
/** The clock is read once in so many rows. */
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
 * Sends the whole reply of one `call`.
 * @throws Error from the table, before a byte is sent; or from the socket
 */
export async function replyWithRows(
  socket: Socket,
  seqid: number,
  uuid: bigint,
  { table, context }: GenerateAnswer,
  budget: Budget,
  pool: SlabPool,
): Promise<void> {
  const { asked, keys } = withRowId(table.spec, context);
  const types = asked.columns.map(({ type }) => type);
  const buffer = new RowBuffer(types, budget, pool);
  try {
    let deadline = performance.now() + SLICE_MS;
    for (const row of table.encodable?.(asked) ?? table.generate(asked)) {
      buffer.append(row);
      if (buffer.rows % ROWS_PER_LOOK !== 0 || performance.now() < deadline) continue;
      await nextTurn();
      // Nobody waits for the rest; leaving the loop ends the table's iterator.
      if (socket.destroyed) return;
      deadline = performance.now() + SLICE_MS;
    }
    await send(socket, replyHead(seqid, uuid, buffer.rows));
    await sendRows(socket, buffer, keys, pool);
    await send(socket, REPLY_TAIL);
  } finally {
    buffer.release();
  }
}

/** One chunk is on its way, however slow the reader, while the next is encoded. */
async function sendRows(
  socket: Socket,
  buffer: RowBuffer,
  keys: readonly (readonly string[])[],
  pool: SlabPool,
): Promise<void> {
  const chunks = [pool.take(SLAB_SIZE), pool.take(SLAB_SIZE)] as const;
  const encoder = new RowEncoder(keys, chunks);
  let underWay: Promise<void> | undefined;
  let deadline = performance.now() + SLICE_MS;
  for (let slab = buffer.takeSlab(); slab !== undefined; slab = buffer.takeSlab()) {
    encoder.open(slab);
    for (let bytes = encoder.next(); bytes !== undefined; bytes = encoder.next()) {
      await underWay;
      underWay = send(socket, bytes);
      underWay.catch(() => {}); // it is thrown where it is awaited
      if (performance.now() < deadline) continue;
      await nextTurn();
      deadline = performance.now() + SLICE_MS;
    }
    buffer.free(slab);
  }
  await underWay;
  // Only when the kernel has taken all: a write that failed may still be looked at.
  for (const chunk of chunks) pool.give(chunk);
}

/** Resolves when the kernel has the bytes. */
export function send(socket: Socket, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.write(bytes, (error) => (error ? reject(error) : resolve()));
  });
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
