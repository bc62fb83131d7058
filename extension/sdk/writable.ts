/**
 * Tables that SQL can change: INSERT, UPDATE and DELETE as osquery hands them on (osquery 5.23,
 * sql/virtual_table.cpp, xUpdate). Rows are named by their id: give `rowId` in the spec.
 */
import { array, parseJson, refuse } from './decode.ts';
import type { PluginReply, PluginRequest } from './plugin.ts';
import type { ColumnSpec, TableSpec, Value } from './spec.ts';

/** One value for each column of the spec, in its order. */
export type WrittenRow = readonly Value[];

/** What throws becomes the error of the SQL statement; a ConstraintError is SQLITE_CONSTRAINT. */
export interface TableWriter {
  /**
   * @param rowId where SQLite has chosen one, else null
   * @returns the id of the new row
   */
  insert(row: WrittenRow, rowId: bigint | null): bigint | number | Promise<bigint | number>;
  /** @param newRowId null unless the statement changes it */
  update(rowId: bigint, row: WrittenRow, newRowId: bigint | null): void | Promise<void>;
  delete(rowId: bigint): void | Promise<void>;
}

/** The row is against a rule of the table, such as a value that must be unique. */
export class ConstraintError extends Error {
  override readonly name = 'ConstraintError';
}

export const WRITE_ACTIONS: ReadonlySet<string | undefined> = new Set([
  'insert',
  'update',
  'delete',
]);

const ROW_ID = /^-?\d{1,19}$/;

/** The answer to one of `WRITE_ACTIONS`; a failure is in it, with its message. */
export async function write(
  spec: TableSpec,
  writer: TableWriter | undefined,
  request: PluginRequest,
): Promise<PluginReply> {
  if (writer === undefined) return { rows: [{ status: 'readonly' }] };
  try {
    switch (request.get('action')) {
      case 'insert': {
        const chosen = request.get('auto_rowid') === 'true' ? rowId(request, 'id') : null;
        const id = await writer.insert(values(spec, request), chosen);
        return { rows: [{ status: 'success', id: String(id) }] };
      }
      case 'update': {
        const next = request.get('new_id') === undefined ? null : rowId(request, 'new_id');
        await writer.update(rowId(request, 'id'), values(spec, request), next);
        break;
      }
      default:
        await writer.delete(rowId(request, 'id'));
    }
    return { rows: [{ status: 'success' }] };
  } catch (error) {
    if (error instanceof ConstraintError) return { rows: [{ status: 'constraint' }] };
    const message = error instanceof Error ? error.message : String(error);
    return { rows: [{ status: 'failure', message: message.replace(/\s+/g, ' ') }] };
  }
}

function rowId(request: PluginRequest, key: string): bigint {
  const text = request.get(key) ?? '';
  if (!ROW_ID.test(text)) throw refuse(`the row id ${JSON.stringify(text.slice(0, 40))}`);
  return BigInt(text);
}

/** Column aliases come behind the columns, and are left out. */
function values({ columns }: TableSpec, request: PluginRequest): WrittenRow {
  const given = array(parseJson(request.get('json_value_array'), 'the row'), 'the row');
  if (given.length < columns.length) throw refuse(`a row of ${given.length} values`);
  return columns.map((column, i) => value(column, given[i]));
}

function value({ name, type }: ColumnSpec, given: unknown): Value {
  if (given === null || given === undefined) return null;
  if (type === 'TEXT' ? typeof given === 'string' : isNumber(given)) return given as Value;
  throw refuse(`column '${name}' cannot hold a ${typeof given}`);
}

const isNumber = (value: unknown): boolean =>
  typeof value === 'number' || typeof value === 'bigint';
