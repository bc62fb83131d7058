/** A table's columns as osquery registers them, with the option bits that decide what is pushed down. */
import { LiveAuditError } from '../../native/errors.ts';
import { rowIdColumn } from './row-id.ts';
import type { ColumnSpec, TableAttributes, TableSpec } from './spec.ts';
import type { StringMap } from './thrift/index.ts';

/** osquery's ColumnOptions (osquery 5.23, core/tables.h). */
export const ColumnOption = {
  INDEX: 1,
  REQUIRED: 2,
  ADDITIONAL: 4,
  OPTIMIZED: 8,
  HIDDEN: 16,
  COLLATE_BINARY: 32,
  COLLATE_NOCASE: 64,
  COLLATE_RTRIM: 128,
} as const;

const COLLATION = {
  BINARY: ColumnOption.COLLATE_BINARY,
  NOCASE: ColumnOption.COLLATE_NOCASE,
  RTRIM: ColumnOption.COLLATE_RTRIM,
} as const;

/** osquery's TableAttributes (osquery 5.23, core/tables.h). */
const Attribute = {
  utility: 1,
  cacheable: 2,
  eventBased: 4,
  userBased: 8,
  kernelRequired: 16,
} as const satisfies Record<keyof TableAttributes, number>;

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
  const columns = spec.columns.map((column) => ({
    id: 'column',
    name: column.name,
    type: column.type,
    op: String(options(column, pushes)),
  }));
  const columnAliases = spec.columns.flatMap(({ name: target, aliases = [] }) =>
    aliases.map((name) => ({ id: 'columnAlias', name, target })),
  );
  const aliases = (spec.aliases ?? []).map((alias) => ({ id: 'alias', alias }));
  const bits = attributes(spec.attributes);
  return [
    ...columns,
    ...columnAliases,
    ...aliases,
    ...(bits === 0 ? [] : [{ id: 'attributes', attributes: String(bits) }]),
  ];
}

function attributes(given: TableAttributes = {}): number {
  const names = Object.keys(Attribute) as (keyof TableAttributes)[];
  return names.reduce((bits, name) => (given[name] ? bits | Attribute[name] : bits), 0);
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
  if (column.collate !== undefined) bits |= COLLATION[column.collate];
  if (column.required) bits |= ColumnOption.REQUIRED;
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
  for (const alias of spec.aliases ?? [])
    if (!IDENTIFIER.test(alias)) refuse(`alias '${alias}' is not letters, digits and _`);
  const names = spec.columns.flatMap(({ name, type, aliases = [] }) =>
    [name, ...aliases].map((one) => ({ name: one, type })),
  );
  for (const { required, push, name } of spec.columns) {
    if (required && (push === undefined || rowIdColumn(spec) === undefined))
      refuse(`column '${name}' is required, which needs its push and the table's rowId`);
  }
  for (const { name, type } of names) {
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
  for (const name of specs.flatMap(({ name, aliases = [] }) => [name, ...aliases])) {
    const folded = name.toLowerCase();
    if (seen.has(folded)) throw new LiveAuditError('TABLE_SPEC', `table '${name}' is there twice`);
    seen.add(folded);
  }
  return Object.fromEntries(specs.map((spec) => [spec.name, routes(spec)]));
}
