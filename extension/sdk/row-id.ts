/**
 * Row ids. `WHERE pid = 1 OR uid = 2` may become two generate calls, whose rows SQLite unites by row id.
 * osquery takes a row's `rowid` key, or else its number in the answer: of two answers that are filtered
 * differently the numbers clash, and rows would be lost (osquery 5.23, sql/virtual_table.cpp, xRowid).
 */
import type { QueryContext } from './context.ts';
import type { Field } from './row-writer.ts';
import type { ColumnSpec, TableSpec } from './spec.ts';

const ROW_ID_KEY = 'rowid';
const EVENT_ID = 'eid';

/** Undefined when the table has none: its constraints must not be pushed then. */
export function rowIdColumn(spec: TableSpec): ColumnSpec | undefined {
  const name = spec.rowId ?? (spec.evented ? EVENT_ID : undefined);
  return spec.columns.find((column) => column.name === name);
}

/** What to ask of the table, and what to send of it, for a query's context. */
export function withRowId(
  spec: TableSpec,
  context: QueryContext,
): { readonly asked: QueryContext; readonly fields: readonly Field[] } {
  const rowId = rowIdColumn(spec);
  const used = new Set(context.columns);
  const columns = spec.columns.filter((column) => used.has(column) || column === rowId);
  const field = (key: string, column: ColumnSpec): Field => ({
    key,
    type: column.type,
    at: columns.indexOf(column),
  });
  const fields = context.columns.map((column) => field(column.name, column));
  if (rowId !== undefined) fields.push(field(ROW_ID_KEY, rowId));
  return { asked: { columns, constraints: context.constraints }, fields };
}
