/** `--where`: a condition in SQL on one event, by the SQLite that is in Node. */
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { LiveAuditError } from '../../../native/errors.ts';
import type { ColumnSpec, Value } from '../../sdk/spec.ts';

export type Filter = (values: readonly Value[]) => boolean;

/**
 * @param columns those that the condition may name, in the order in which their values come
 * @param condition such as `uid = 0 AND command LIKE '%ssh%'`
 * @throws LiveAuditError SQL for a condition that SQLite refuses
 */
export function filterOf(columns: readonly ColumnSpec[], condition: string): Filter {
  const db = new DatabaseSync(':memory:');
  const values = columns.map(({ name, type }) => `CAST(? AS ${type}) AS "${name}"`);
  // A condition that names no column still has a row to be asked of.
  const row = values.length === 0 ? '1' : values.join(', ');
  const refuse = (error: unknown) =>
    new LiveAuditError('SQL', `--where ${condition}: ${(error as Error).message}`, {
      cause: error,
    });
  try {
    // The line break ends a comment that the condition may have at its end.
    const statement = db.prepare(`SELECT 1 FROM (SELECT ${row}) WHERE (${condition}\n)`);
    return (cells) => {
      try {
        return statement.get(...(cells as SQLInputValue[])) !== undefined;
      } catch (error) {
        throw refuse(error);
      }
    };
  } catch (error) {
    throw refuse(error);
  }
}
