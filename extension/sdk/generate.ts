/** Runs a table's `generate` in slices and writes the reply, so that pings are answered meanwhile. */
import type { Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Budget } from './budget.ts';
import { withRowId } from './row-id.ts';
import { RowWriter } from './row-writer.ts';
import type { SlabPool } from './slab-pool.ts';
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
  const { asked, fields } = withRowId(table.spec, context);
  const writer = new RowWriter(fields, budget, pool);
  try {
    let deadline = performance.now() + SLICE_MS;
    for (const row of table.generate(asked)) {
      writer.append(row);
      if (writer.rows % ROWS_PER_LOOK !== 0 || performance.now() < deadline) continue;
      await nextTurn();
      // Nobody waits for the rest; leaving the loop ends the table's iterator.
      if (socket.destroyed) return;
      deadline = performance.now() + SLICE_MS;
    }
    const slabs = writer.finish().reverse();
    await send(socket, replyHead(seqid, uuid, writer.rows));
    for (let slab = slabs.pop(); slab !== undefined; slab = slabs.pop()) {
      await send(socket, slab);
      // Only what the kernel has taken: a write that failed may still be looked at.
      pool.give(slab);
    }
    await send(socket, REPLY_TAIL);
  } finally {
    writer.release();
  }
}

/** Resolves when the kernel has the bytes: one slab is in flight at a time, however slow the reader. */
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
