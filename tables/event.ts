/**
 * A finished event on its way into a table's ring file: one cell for each column, in the spec's order. The
 * place of `eid` holds null: the ring gives it.
 */
import type { RowOf, TableSpec, Value } from '../extension/sdk/spec.ts';

/** A Uint8Array is a TEXT that is known to be whole UTF-8: its bytes are stored as they are. */
export type Cell = Value | Uint8Array;

/** Its maker may use the array and its bytes again for the next event. */
export type Event = readonly Cell[];

/** The place of each column, by name: `event[at.pid]`. */
export function placesOf<S extends TableSpec>(
  spec: S,
): { readonly [C in S['columns'][number]['name']]: number } {
  return Object.freeze(
    Object.fromEntries(spec.columns.map(({ name }, place) => [name, place])),
  ) as { readonly [C in S['columns'][number]['name']]: number };
}

/** The event as an object by column name, texts as strings, without `eid`. */
export function eventRow(spec: TableSpec, event: Event): Record<string, Value> {
  const cells = spec.columns.map(({ name }, i) => [name, storedValue(event[i] ?? null)] as const);
  return Object.fromEntries(cells.filter(([name]) => name !== 'eid'));
}

/** The event of such an object; a column that it lacks is NULL. */
export function eventOf<S extends TableSpec>(spec: S, row: Partial<Omit<RowOf<S>, 'eid'>>): Event {
  const cells: Readonly<Record<string, unknown>> = row;
  return spec.columns.map(({ name }) => (cells[name] ?? null) as Value);
}

function storedValue(cell: Cell): Value {
  return cell instanceof Uint8Array ? Buffer.from(cell).toString('utf8') : cell;
}
