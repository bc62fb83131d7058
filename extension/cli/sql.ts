/**
 * SQL over our tables without osquery: the SQLite that is in Node. A table that a statement names is
 * filled from its source when SQLite misses it, then the statement is prepared again.
 */
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { LiveAuditError } from '../../native/errors.ts';
import type { Table } from '../sdk/context.ts';
import type { Cell, Result } from './output.ts';

const MISSING = /^no such table: (?:main\.|temp\.)?(.+)$/;

export class EmbeddedSql {
  readonly #db = new DatabaseSync(':memory:');
  readonly #tables: ReadonlyMap<string, Table>;

  constructor(tables: readonly Table[]) {
    this.#tables = new Map(tables.map((table) => [table.spec.name, table]));
  }

  /**
   * Run one or more statements.
   * @returns the result of the last one that has columns
   * @throws LiveAuditError SQL
   */
  run(sql: string): Result {
    let result: Result = { columns: [], rows: [] };
    let rest = sql.trim();
    if (rest === '') throw new LiveAuditError('SQL', 'the statement is empty');
    while (rest !== '') {
      const statement = this.#prepare(rest);
      if (statement === null) break; // only a comment is left
      const columns = unique(statement.columns().map(({ name }) => name));
      try {
        if (columns.length === 0) statement.run();
        else result = { columns, rows: statement.all() as unknown as Cell[][] };
      } catch (error) {
        throw refused(error);
      }
      rest = rest.slice(statement.sourceSQL.length).trim();
    }
    return result;
  }

  #prepare(sql: string): StatementSync | null {
    for (;;) {
      try {
        const statement = this.#db.prepare(sql);
        statement.setReadBigInts(true);
        statement.setReturnArrays(true);
        return statement;
      } catch (error) {
        const message = (error as Error).message;
        if (/contains no statement/i.test(message)) return null;
        const table = this.#tables.get(MISSING.exec(message)?.[1]?.toLowerCase() ?? '');
        if (!table) throw refused(error);
        this.#fill(table);
      }
    }
  }

  #fill(table: Table): void {
    const { name, columns } = table.spec;
    const declared = columns.map((column) => `"${column.name}" ${column.type}`).join(', ');
    this.#db.exec(`CREATE TABLE "${name}" (${declared}); BEGIN`);
    const insert = this.#db.prepare(
      `INSERT INTO "${name}" VALUES (${columns.map(() => '?').join(', ')})`,
    );
    for (const row of table.generate({ columns, constraints: [] }))
      insert.run(...(row as SQLInputValue[]));
    this.#db.exec('COMMIT');
  }

  close(): void {
    this.#db.close();
  }
}

const refused = (error: unknown) =>
  new LiveAuditError('SQL', (error as Error).message, { cause: error });

/** Two columns of one name would hide each other in an object. */
function unique(names: readonly string[]): string[] {
  const taken = new Set<string>();
  return names.map((name) => {
    let unique = name;
    for (let n = 1; taken.has(unique); n++) unique = `${name}:${n}`;
    taken.add(unique);
    return unique;
  });
}
