/**
 * The columns that a query uses, and what follows from them: worked out once for each choice of columns, as a JOIN asks
 * the same again for each outer row.
 */

import { rowIdColumn, withRowId } from './row-id.ts';
import { RowKeys } from './row-keys.ts';
import type { ColumnSpec, ColumnType, TableSpec } from './spec.ts';

/** Choices that are remembered for a table, the newest; a hostile client could ask for any. */
const MAX_REMEMBERED = 256;
const MAX_NAMES = 4096;

/** How rows of these columns are asked for and sent. */
export interface Selection {
  /** As the query uses them. */
  readonly used: readonly ColumnSpec[];
  /** To be asked of the table: with the row's id. */
  readonly asked: readonly ColumnSpec[];
  readonly types: readonly ColumnType[];
  readonly keys: RowKeys;
}

export class TableColumns {
  readonly names: ReadonlySet<string>;
  readonly hasRowId: boolean;
  readonly #spec: TableSpec;
  readonly #byNames = new Map<string, Selection>();
  readonly #all: Selection;
  readonly #byColumns = new WeakMap<readonly ColumnSpec[], Selection>();

  private constructor(spec: TableSpec) {
    this.#spec = spec;
    this.names = new Set(spec.columns.map(({ name }) => name));
    this.hasRowId = rowIdColumn(spec) !== undefined;
    this.#all = this.#select(spec.columns);
  }

  static of(spec: TableSpec): TableColumns {
    let columns = known.get(spec);
    if (columns === undefined) {
      columns = new TableColumns(spec);
      known.set(spec, columns);
    }
    return columns;
  }

  /** The columns of these names or aliases, in the table's order; all without names. */
  named(names?: readonly string[]): readonly ColumnSpec[] {
    if (names === undefined) return this.#all.used;
    const key = JSON.stringify(names); // no two choices have the same
    const remembered = this.#byNames.get(key);
    if (remembered !== undefined) return remembered.used;
    const wanted = new Set(names);
    const selection = this.#select(
      this.#spec.columns.filter(
        ({ name, aliases }) => wanted.has(name) || aliases?.some((alias) => wanted.has(alias)),
      ),
    );
    if (key.length <= MAX_NAMES) {
      const [oldest] = this.#byNames.keys();
      if (oldest !== undefined && this.#byNames.size >= MAX_REMEMBERED)
        this.#byNames.delete(oldest);
      this.#byNames.set(key, selection);
    }
    return selection.used;
  }

  selection(used: readonly ColumnSpec[]): Selection {
    return this.#byColumns.get(used) ?? this.#select(used);
  }

  #select(used: readonly ColumnSpec[]): Selection {
    const { columns, keys } = withRowId(this.#spec, used);
    const types = columns.map(({ type }) => type);
    const selection = { used, asked: columns, types, keys: new RowKeys(keys) };
    this.#byColumns.set(used, selection);
    return selection;
  }
}

const known = new WeakMap<TableSpec, TableColumns>();
