/** Runs a table's `generate` in slices and writes the reply, so that pings are answered meanwhile. */
import type { Socket } from 'node:net';
import type { Budget } from './budget.ts';
import type { EncodableRow, Row } from './context.ts';
import { REPLY_TAIL, type ReplyHead } from './reply-head.ts';
import { isEncodable, RowBuffer } from './row-buffer.ts';
import { ROWS_PER_LOOK, RowSender } from './row-sender.ts';
import { TableColumns } from './selection.ts';
import type { SlabPool } from './slab-pool.ts';
import { Slice } from './slice.ts';
import type { GenerateAnswer } from './table-plugin.ts';

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
    return new RowSender(socket, selection, slabs, slice, head.of(seqid, count));
  };
  try {
    const rows = table.encodable?.(asked) ?? (await table.generate(asked, left.signal));
    let sender: RowSender;
    if (isArrayOfRows(rows)) {
      // They are counted now: what the table adds to its array later is of another answer.
      const values = rows.slice();
      sender = begin(values.length);
      await sender.values(values);
    } else {
      if (!(await counted(rows, buffer, slice, socket))) return undefined;
      sender = begin(buffer.rows);
      await sender.buffered(buffer);
    }
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

type Rows = Iterable<Row | EncodableRow> | AsyncIterable<Row>;

const isArrayOfRows = (rows: Rows): rows is readonly Row[] =>
  Array.isArray(rows) && (rows.length === 0 || !isEncodable(rows[0]));

/** Leaving a loop ends the table's iterator. @returns false where nobody waits for the rows any more */
async function counted(
  rows: Rows,
  buffer: RowBuffer,
  slice: Slice,
  socket: Socket,
): Promise<boolean> {
  if (Symbol.asyncIterator in rows) {
    for await (const row of rows) {
      buffer.append(row);
      if (slice.isOver) await slice.next();
      if (socket.destroyed) return false;
    }
    return true;
  }
  for (const row of rows) {
    buffer.append(row);
    if (buffer.rows % ROWS_PER_LOOK !== 0 || !slice.isOver) continue;
    await slice.next();
    if (socket.destroyed) return false;
  }
  return true;
}
