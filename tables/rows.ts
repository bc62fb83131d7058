/** Serving small tables whose rows are objects. */
import type { QueryContext, Row } from '../extension/sdk/context.ts';
import type { Value } from '../extension/sdk/spec.ts';

/** The asked columns of an object. */
export function pick(context: QueryContext, row: Readonly<Record<string, Value>>): Row {
  return context.columns.map((column) => row[column.name] ?? null);
}
