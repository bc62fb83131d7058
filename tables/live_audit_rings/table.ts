import type { Table } from '../../extension/sdk/context.ts';
import type { EventTable } from '../event-table.ts';
import type { ReaderMark } from '../readers.ts';
import { pick } from '../rows.ts';
import { spec } from './spec.ts';

/** The ledger of each event table; no row for a ring that does not exist yet. */
export function ringsTable(events: readonly EventTable[], mark: ReaderMark): Table {
  return {
    spec,
    *generate(context) {
      for (const table of events) {
        table.reader.refresh();
        if (table.reader.capacity === 0) continue;
        yield pick(context, {
          table_name: table.spec.name,
          capacity: table.reader.capacity,
          used: table.reader.head - table.reader.tail,
          oldest_time: oldestTime(table),
          ...table.reader.ledger(),
          readers: mark.count(),
        });
      }
    },
  };
}

function oldestTime(table: EventTable): number | null {
  for (const record of table.reader.range()) return Number(record.timeNs / 1_000_000_000n);
  return null;
}
