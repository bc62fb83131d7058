/**
 * SQL over our tables without osquery: the SQLite that is in Node. A table that a statement names is
 * filled from its source when SQLite misses it, then the statement is prepared again.
 */
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { LiveAuditError } from '../../native/errors.ts';
import type { DerivedColumn } from '../../tables/derived.ts';
import type { Table } from '../sdk/context.ts';
import type { Value } from '../sdk/spec.ts';
import type { Cell, Result } from './output.ts';

/** Derived columns are computed when a statement looks at them. */
type Source = Table & { readonly derived?: readonly DerivedColumn[] };

const MISSING = /^no such table: (?:main\.|temp\.)?(.+)$/;

export class EmbeddedSql {
  readonly #db = new DatabaseSync(':memory:');
  readonly #tables: ReadonlyMap<string, Source>;

  constructor(tables: readonly Source[]) {
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

  #fill(table: Source): void {
    const { name, columns } = table.spec;
    const derived = new Map(table.derived?.map((column) => [column.name, column]));
    const stored = columns.filter((column) => !derived.has(column.name));
    // A view is not computed where it is not looked at; generated columns are with each INSERT.
    const rows = derived.size > 0 ? `${name} rows` : name;
    const declared = stored.map((column) => `"${column.name}" ${column.type}`).join(', ');
    this.#db.exec(`CREATE TABLE "${rows}" (${declared}); BEGIN`);
    const insert = this.#db.prepare(
      `INSERT INTO "${rows}" VALUES (${stored.map(() => '?').join(', ')})`,
    );
    for (const row of table.generate({ columns: stored, constraints: [] }))
      insert.run(...(row as SQLInputValue[]));
    this.#db.exec('COMMIT');
    if (derived.size === 0) return;
    const shown = columns.map((column) => {
      const derivation = derived.get(column.name);
      return derivation
        ? `${this.#call(name, derivation)} AS "${column.name}"`
        : `"${column.name}"`;
    });
    this.#db.exec(`CREATE VIEW "${name}" AS SELECT ${shown.join(', ')} FROM "${rows}"`);
  }

  /** An SQL function that computes the column. @returns its call */
  #call(table: string, { name, from, of }: DerivedColumn): string {
    const called = `${table}_${name}`;
    this.#db.function(called, { deterministic: true, varargs: true }, (...values) =>
      of(...(values as Value[])),
    );
    return `${called}(${from.map((column) => `"${column}"`).join(', ')})`;
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
