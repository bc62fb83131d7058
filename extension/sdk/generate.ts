/** Runs a table's `generate` in slices and writes the reply, so that pings are answered meanwhile. */
import type { Socket } from 'node:net';
import type { Budget } from './budget.ts';
import type { QueryContext, Row, ServedTable } from './context.ts';
import { REPLY_TAIL, type ReplyHead } from './reply-head.ts';
import { RowBuffer } from './row-buffer.ts';
import { RowSender } from './row-sender.ts';
import { TableColumns } from './selection.ts';
import type { SlabPool } from './slab-pool.ts';
import { Slice } from './slice.ts';
import type { GenerateAnswer } from './table-plugin.ts';

/** The clock is looked at once in so many rows. */
const ROWS_PER_LOOK = 32;

/** Of the server that answers. */
export interface ReplyMeans {
  readonly head: ReplyHead;
  /** For rows that are being counted or sent. */
  readonly replies: Budget;
  readonly slabs: SlabPool;
}

/**
 * Sends the whole reply of one `call`. The number of rows stands before them: those of an array are sent as they
 * are encoded, all others are counted first.
 * @param seqid of the request
 * @returns what to tell the table when the client has read it
 * @throws Error from the table, before a byte is sent or else with the socket destroyed; or from the socket
 */
export async function replyWithRows(
  socket: Socket,
  seqid: number,
  { table, context }: GenerateAnswer,
  { head, replies, slabs }: ReplyMeans,
): Promise<(() => void) | undefined> {
  const selection = TableColumns.of(table.spec).selection(context.columns);
  const asked = { ...context, columns: selection.asked };
  const buffer = new RowBuffer(selection.types, replies, slabs);
  const slice = new Slice();
  const left = new AbortController();
  const leave = (): void => left.abort();
  if (table.encodable === undefined) socket.once('close', leave);
  let begun = false;
  const begin = (count: number): RowSender => {
    begun = true;
    const sender = new RowSender(socket, buffer, selection.keys, slabs, slice);
    sender.begin(head.of(seqid, count));
    return sender;
  };
  try {
    const rows = table.encodable?.(asked) ?? (await generated(table, asked, left.signal));
    const early = Array.isArray(rows) ? begin(rows.length) : undefined;
    // Leaving a loop ends the table's iterator; nobody waits for the rest where the socket is closed.
    if (Symbol.asyncIterator in rows) {
      for await (const row of rows) {
        buffer.append(row);
        if (slice.isOver) await slice.next();
        if (socket.destroyed) return undefined;
      }
    } else {
      for (const row of rows) {
        buffer.append(row);
        if (buffer.rows % ROWS_PER_LOOK !== 0) continue;
        if (early !== undefined && buffer.hasFullSlab) await early.sendFull();
        if (slice.isOver) await slice.next();
        if (socket.destroyed) return undefined;
      }
    }
    const sender = early ?? begin(buffer.rows);
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

async function generated(
  table: ServedTable,
  asked: QueryContext,
  signal: AbortSignal,
): Promise<Iterable<Row> | AsyncIterable<Row>> {
  const rows = await table.generate(asked, signal);
  // They are counted now: what the table adds to its array later is of another answer.
  return Array.isArray(rows) ? rows.slice() : rows;
}
