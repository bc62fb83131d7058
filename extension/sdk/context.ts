/** What a query asks of a table: the columns that it uses and the constraints that were pushed. */
import type { ColumnSpec, TableSpec, Value } from './spec.ts';
import type { TableWriter } from './writable.ts';

/** osquery's constraint operators (osquery 5.23, core/tables.h) that we act on; others are ignored. */
export const Operator = {
  EQUALS: 2,
  GREATER: 4,
  LESS_OR_EQUAL: 8,
  LESS: 16,
  GREATER_OR_EQUAL: 32,
} as const;
export type Operator = (typeof Operator)[keyof typeof Operator];

export interface Constraint {
  readonly column: string;
  readonly op: Operator;
  /** As SQLite wrote it: text for TEXT, decimal digits (perhaps "3.0") for numbers. */
  readonly value: string;
}

export interface QueryContext {
  /** The columns that the query uses, in the table's order; none for `count(*)`. */
  readonly columns: readonly ColumnSpec[];
  /** All must hold, but several EQUALS on one column are alternatives (an IN list). */
  readonly constraints: readonly Constraint[];
  /** A LIMIT reached us: SQLite may not look at the last rows. Not every LIMIT does. */
  readonly limited?: boolean;
}

/** One value for each of `context.columns`, in that order. */
export type Row = readonly Value[];

/**
 * Takes the cells of one row, one after the other, in the order of `context.columns`: for a table whose values
 * are in memory as they are to be sent, so that neither strings nor arrays are made of them.
 */
export interface CellSink {
  value(value: Value): void;
  /** An integer in two's complement: high as i32, low as u32. */
  integer(high: number, low: number): void;
  /** A text, from `start` to before `end`; the bytes are copied. */
  utf8(bytes: Uint8Array, start: number, end: number): void;
}

/** A row that writes itself. It may be one object for all rows, which moves on with the iteration. */
export interface EncodableRow {
  encode(cells: CellSink): void;
}

/** A table that can be served. Rows may be a superset of what the constraints ask: SQLite filters again. */
export interface ServedTable {
  readonly spec: TableSpec;
  /**
   * At once, as they come, or a promise of all.
   * @param signal aborted when nobody waits for the rows any more
   */
  generate(
    context: QueryContext,
    signal: AbortSignal,
  ): Iterable<Row> | AsyncIterable<Row> | Promise<Iterable<Row>>;
  /** For INSERT, UPDATE and DELETE; without it the table may not be modified. */
  readonly writer?: TableWriter;
  /** The same rows, which is what a server asks for where it is there. */
  encodable?(context: QueryContext): Iterable<EncodableRow>;
  /** The client has read all rows of this very context, and closed its connection in order. */
  taken?(context: QueryContext): void;
}

/** One that has its rows at once. */
export interface Table extends ServedTable {
  generate(context: QueryContext): Iterable<Row>;
}
