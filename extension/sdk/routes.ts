/** A table's columns as osquery registers them, with the option bits that decide what is pushed down. */
import { LiveAuditError } from '../../native/errors.ts';
import { rowIdColumn } from './row-id.ts';
import type { ColumnSpec, TableSpec } from './spec.ts';
import type { StringMap } from './thrift/index.ts';

/** osquery's ColumnOptions (osquery 5.23, core/tables.h). */
export const ColumnOption = {
  INDEX: 1,
  REQUIRED: 2,
  ADDITIONAL: 4,
  OPTIMIZED: 8,
  HIDDEN: 16,
} as const;

const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** SQLITE_MAX_COLUMN. */
const MAX_COLUMNS = 2000;
const TYPES: ReadonlySet<string> = new Set(['TEXT', 'INTEGER', 'BIGINT', 'DOUBLE']);

/**
 * The answer to the `columns` action, and the table's item in a registration.
 * @throws LiveAuditError TABLE_SPEC for what osquery would refuse (the whole extension, at that)
 */
export function routes(spec: TableSpec): StringMap[] {
  validate(spec);
  const pushes = rowIdColumn(spec) !== undefined;
  return spec.columns.map((column) => ({
    id: 'column',
    name: column.name,
    type: column.type,
    op: String(options(column, pushes)),
  }));
}

/**
 * - Nothing is pushed where rows have no id (row-id.ts).
 * - ADDITIONAL pushes a constraint as INDEX does, without making the column a PRIMARY KEY, which it is not.
 * - OPTIMIZED beside it brings all values of an IN list in one call.
 * - OPTIMIZED alone is not pushed. 0 would be: osquery reads it as INDEX by default, so that
 *   `JOIN … ON command = …` would call us per row for a constraint that we ignore.
 */
function options(column: ColumnSpec, pushes: boolean): number {
  const push = pushes ? column.push : undefined;
  let bits: number = column.hidden ? ColumnOption.HIDDEN : 0;
  if (push !== undefined) bits |= ColumnOption.ADDITIONAL;
  // With `equal` for IN lists; alone where nothing is to be pushed.
  if (push !== 'range') bits |= ColumnOption.OPTIMIZED;
  return bits;
}

function validate(spec: TableSpec): void {
  const refuse = (what: string): never => {
    throw new LiveAuditError('TABLE_SPEC', `table '${spec.name}': ${what}`);
  };
  if (!IDENTIFIER.test(spec.name)) refuse('the name is not letters, digits and _');
  if (spec.columns.length === 0) refuse('no columns');
  if (spec.columns.length > MAX_COLUMNS) refuse(`over ${MAX_COLUMNS} columns`);
  const seen = new Set<string>();
  for (const { name, type } of spec.columns) {
    if (!IDENTIFIER.test(name)) refuse(`column '${name}' is not letters, digits and _`);
    if (!TYPES.has(type)) refuse(`column '${name}' has the type '${type}'`);
    const folded = name.toLowerCase();
    if (seen.has(folded)) refuse(`column '${name}' is there twice (case does not count)`);
    seen.add(folded);
  }
}

/** @throws LiveAuditError TABLE_SPEC when a table is wrong, or two have the same name */
export function registryItems(specs: readonly TableSpec[]): { [table: string]: StringMap[] } {
  const seen = new Set<string>();
  for (const { name } of specs) {
    const folded = name.toLowerCase();
    if (seen.has(folded)) throw new LiveAuditError('TABLE_SPEC', `table '${name}' is there twice`);
    seen.add(folded);
  }
  return Object.fromEntries(specs.map((spec) => [spec.name, routes(spec)]));
}
