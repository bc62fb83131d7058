/** `--where`: a condition in SQL on one event, by the SQLite that is in Node. */
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { LiveAuditError } from '../../../native/errors.ts';
import type { TableSpec, Value } from '../../sdk/spec.ts';

export type Filter = (values: readonly Value[]) => boolean;

/**
 * @param condition such as `uid = 0 AND command LIKE '%ssh%'`, over all columns of the spec
 * @throws LiveAuditError SQL for a condition that SQLite refuses
 */
export function filterOf({ columns }: TableSpec, condition: string): Filter {
  const db = new DatabaseSync(':memory:');
  const values = columns.map(({ name, type }) => `CAST(? AS ${type}) AS "${name}"`).join(', ');
  const refuse = (error: unknown) =>
    new LiveAuditError('SQL', `--where ${condition}: ${(error as Error).message}`, {
      cause: error,
    });
  try {
    // The line break ends a comment that the condition may have at its end.
    const statement = db.prepare(`SELECT 1 FROM (SELECT ${values}) WHERE (${condition}\n)`);
    return (row) => {
      try {
        const cells = row.slice(0, columns.length) as SQLInputValue[];
        return statement.get(...cells) !== undefined;
      } catch (error) {
        throw refuse(error);
      }
    };
  } catch (error) {
    throw refuse(error);
  }
}
