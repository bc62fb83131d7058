/** What a query asks of a table: the columns that it uses and the constraints that were pushed. */
import type { ColumnSpec, Value } from './spec.ts';

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
}

/** One value for each of `context.columns`, in that order. */
export type Row = readonly Value[];

/** A table that can be served. Rows may be a superset of what the constraints ask: SQLite filters again. */
export interface Table {
  readonly spec: import('./spec.ts').TableSpec;
  generate(context: QueryContext): Iterable<Row>;
}
