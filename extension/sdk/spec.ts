/**
 * What a table is. The spec is the one source of a table's routes, row type, docs page and Fleet YAML.
 */

/** The column types of osquery that we use. */
export type ColumnType = 'TEXT' | 'INTEGER' | 'BIGINT' | 'DOUBLE';

export interface ColumnSpec {
  readonly name: string;
  readonly type: ColumnType;
  /** One sentence: meaning, unit, and when it is NULL. */
  readonly description: string;
  /**
   * How constraints on the column reach `generate`:
   * `range` (=, <, <=, >, >=) or `equal` (=, and all values of an IN list in one call).
   * Without it SQLite alone filters. Pushing is a hint: a superset of rows is always right.
   */
  readonly push?: 'range' | 'equal';
  /** Not in `SELECT *`. */
  readonly hidden?: boolean;
  /** A query must constrain one of the required columns by a value. Needs `push` and `rowId`. */
  readonly required?: boolean;
  /** How SQLite compares it; BINARY without it. */
  readonly collate?: 'BINARY' | 'NOCASE' | 'RTRIM';
  /** Other names of it: hidden columns, whose constraints are not pushed. */
  readonly aliases?: readonly string[];
}

/** What osquery is to know of a table as a whole. */
export interface TableAttributes {
  /** Shown to users as a utility. */
  readonly utility?: boolean;
  /** The same query at the same time may be answered from osquery's cache. */
  readonly cacheable?: boolean;
  /**
   * The scheduler logs every row of every run as added, and keeps no last result: `generate` must not give a row
   * twice. Leave it out for ordinary differencing.
   */
  readonly eventBased?: boolean;
  /** osquery warns where a query does not constrain uid. */
  readonly userBased?: boolean;
  /** Needs a kernel part. */
  readonly kernelRequired?: boolean;
}

export interface TableSpec<C extends readonly ColumnSpec[] = readonly ColumnSpec[]> {
  readonly name: string;
  /** One sentence. */
  readonly description: string;
  /** Rows are events: immutable, ordered by `eid`. */
  readonly evented: boolean;
  readonly columns: C;
  /**
   * The integer column that names a row for good; `eid` where a table is evented. SQLite unites the
   * branches of an OR by row id, so without one nothing is pushed.
   */
  readonly rowId?: string;
  /** Other names of the table: views of it. */
  readonly aliases?: readonly string[];
  readonly attributes?: TableAttributes;
  /** What a reader must know: limits, units, privacy. Markdown. */
  readonly notes?: string;
  /** SQL that works as it stands. */
  readonly examples: readonly string[];
}

/** TEXT is string, DOUBLE number; INTEGER and BIGINT are number, or bigint beyond 2^53. */
export type Value = string | number | bigint | null;

type ValueOf<T extends ColumnType> = T extends 'TEXT'
  ? string
  : T extends 'DOUBLE'
    ? number
    : number | bigint;

/** The row type that a spec describes: every column, NULL where not known. */
export type RowOf<S extends TableSpec> = {
  [C in S['columns'][number] as C['name']]: ValueOf<C['type']> | null;
};

/** Keeps the literal names and types, so that `RowOf<typeof spec>` is exact. */
export function defineTable<const C extends readonly ColumnSpec[]>(
  spec: TableSpec<C>,
): TableSpec<C> {
  return spec;
}
