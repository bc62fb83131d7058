/**
 * Row ids. `WHERE pid = 1 OR uid = 2` may become two generate calls, whose rows SQLite unites by row id.
 * osquery takes a row's `rowid` key, or else its number in the answer: of two answers that are filtered
 * differently the numbers clash, and rows would be lost (osquery 5.23, sql/virtual_table.cpp, xRowid).
 */
import type { ColumnSpec, TableSpec } from './spec.ts';

const ROW_ID_KEY = 'rowid';
const EVENT_ID = 'eid';

/** Undefined when the table has none: its constraints must not be pushed then. */
export function rowIdColumn(spec: TableSpec): ColumnSpec | undefined {
  const name = spec.rowId ?? (spec.evented ? EVENT_ID : undefined);
  return spec.columns.find((column) => column.name === name);
}

/**
 * What to ask of the table for the columns that a query uses, and under which keys to send each column asked: none,
 * one, or two where the query uses the column that is the row's id.
 */
export function withRowId(
  spec: TableSpec,
  used: readonly ColumnSpec[],
): { readonly columns: readonly ColumnSpec[]; readonly keys: readonly (readonly string[])[] } {
  const rowId = rowIdColumn(spec);
  const isUsed = new Set(used);
  const columns = spec.columns.filter((column) => isUsed.has(column) || column === rowId);
  const keys = columns.map((column) => [
    ...(isUsed.has(column) ? [column.name] : []),
    ...(column === rowId ? [ROW_ID_KEY] : []),
  ]);
  return { columns, keys };
}
