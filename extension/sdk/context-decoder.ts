/**
 * The `context` of a generate request → QueryContext. Strict about the shape, tolerant of what a newer
 * osquery may add (operators, columns, keys), bounded in size.
 */
import { LiveAuditError } from '../../native/errors.ts';
import { type Constraint, Operator, type QueryContext } from './context.ts';
import { isBounded } from './decode.ts';
import { TableColumns } from './selection.ts';
import type { TableSpec } from './spec.ts';

/** Each table column once, and aliases. */
const MAX_COLUMNS = 8192;
/** Over all columns. */
const MAX_CONSTRAINTS = 500_000;

/** SQLITE_INDEX_CONSTRAINT_LIMIT, which osquery puts on column 0. */
const LIMIT = 73;
/** LIKE, GLOB, LIMIT (73), OFFSET (74) and whatever else is not here: SQLite applies it after us. */
const OPERATORS: ReadonlyMap<unknown, Operator> = new Map(
  Object.values(Operator).map((op) => [op, op]),
);

/**
 * @param json the request's `context`; when it is missing the query asks for everything
 * @throws LiveAuditError QUERY_CONTEXT
 */
export function decodeContext(json: string | undefined, spec: TableSpec): QueryContext {
  const table = TableColumns.of(spec);
  if (json === undefined || json === '') return { columns: table.named(), constraints: [] };
  if (!isBounded(json)) throw refuse(`too large (${json.length} characters)`);
  const context = object(parse(json), 'the context');
  // A list without the key is an osquery before 4.1, which does not say: all columns then.
  const columns = table.named(names(context.colsUsed));
  if (!table.hasRowId) return { columns, constraints: [] };
  return { columns, ...constraints(context.constraints, table.names) };
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw refuse(`not JSON: ${JSON.stringify(json.slice(0, 40))}`);
  }
}

function names(list: unknown): readonly string[] | undefined {
  if (list === undefined) return undefined;
  return array(list, 'colsUsed', MAX_COLUMNS).map((name) => string(name, 'a used column'));
}

function constraints(
  list: unknown,
  known: ReadonlySet<string>,
): { readonly constraints: Constraint[]; readonly limited?: true } {
  if (list === undefined) return { constraints: [] };
  const result: Constraint[] = [];
  let limited = false;
  let left = MAX_CONSTRAINTS;
  for (const entry of array(list, 'constraints', MAX_COLUMNS)) {
    const of = object(entry, 'a constraint list');
    const column = string(of.name, 'the name of a constrained column');
    // osquery writes an empty list of some versions as "".
    if (of.list === undefined || of.list === '') continue;
    const items = array(of.list, `the constraints on '${column}'`, left);
    left -= items.length;
    for (const item of items) {
      const { op, expr } = object(item, `a constraint on '${column}'`);
      const value = string(expr, `the value of a constraint on '${column}'`);
      if (typeof op !== 'number') throw refuse(`the operator of a constraint on '${column}'`);
      limited ||= op === LIMIT;
      const operator = OPERATORS.get(op);
      if (operator !== undefined && known.has(column)) result.push({ column, op: operator, value });
    }
  }
  return limited ? { constraints: result, limited } : { constraints: result };
}

function object(value: unknown, what: string): { readonly [key: string]: unknown } {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw refuse(what);
  return value as { readonly [key: string]: unknown };
}

function array(value: unknown, what: string, max: number): readonly unknown[] {
  if (!Array.isArray(value)) throw refuse(`${what} is not a list`);
  if (value.length > max) throw refuse(`${what}: ${value.length} entries, over ${max}`);
  return value;
}

function string(value: unknown, what: string): string {
  if (typeof value !== 'string') throw refuse(`${what} is not a string`);
  return value;
}

const refuse = (what: string): LiveAuditError =>
  new LiveAuditError('QUERY_CONTEXT', `query context: ${what}`);
