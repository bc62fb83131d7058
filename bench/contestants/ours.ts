/** Our SDK with one large table, for bench/sdk.ts: `ours.ts SOCKET ROWS COLUMNS rows|ring DIRECTORY`. */

import type { Table } from '../../extension/sdk/context.ts';
import { serveExtension } from '../../extension/sdk/extension.ts';
import { defineTable } from '../../extension/sdk/spec.ts';
import { EventTable } from '../../tables/event-table.ts';
import { RingWriter } from '../../tables/ring/writer.ts';

const [socket = '', rowCount, columnCount, source, directory = ''] = process.argv.slice(2);
const ROWS = Number(rowCount);
const names = Array.from(
  { length: Number(columnCount) },
  (_, c) => `col${String(c).padStart(2, '0')}`,
);
/** Out of bytes, so that a string is one piece: a template leaves pieces, which the first answer would join. */
const texts = (row: number) =>
  names.map((_, c) =>
    Buffer.from(`value ${String(row).padStart(7, '0')}/${String(c).padStart(2, '0')}`).toString(
      'latin1',
    ),
  );

/** Rows that are there already, as in the other contestants. */
function fromMemory(): Table {
  const rows = Array.from({ length: ROWS }, (_, row) => texts(row));
  const spec = defineTable({
    name: 'contestant',
    description: 'One large table.',
    evented: false,
    columns: names.map((name) => ({ name, type: 'TEXT', description: 'A text.' })),
    examples: [],
  });
  return { spec, generate: () => rows };
}

/** The same rows in a ring file, as our tables have them. */
function fromRing(): Table {
  const spec = defineTable({
    name: 'contestant',
    description: 'One large table.',
    evented: true,
    columns: [
      { name: 'eid', type: 'BIGINT', description: 'Sequence.' },
      { name: 'time', type: 'BIGINT', description: 'Unix s.' },
      { name: 'time_ns', type: 'BIGINT', description: 'Unix ns.' },
      ...names.map((name) => ({ name, type: 'TEXT' as const, description: 'A text.' })),
    ],
    examples: [],
  });
  const writer = new RingWriter({ directory, spec, capacity: 128 * 1024 * 1024 });
  for (let row = 0; row < ROWS; row++)
    writer.append([null, row, BigInt(row) * 1_000_000_000n, ...texts(row)]);
  writer.close();
  return new EventTable(directory, spec);
}

await serveExtension({
  socket,
  name: 'contestant',
  version: '1.0.0',
  timeout: 3,
  interval: 3,
  log: () => {},
  tables: [source === 'ring' ? fromRing() : fromMemory()],
});
