/** `INSERT INTO t (name, password) VALUES ('…', '…'), …`: the values of columns that are named after secrets. */
import { isSecretName } from './names.ts';
import type { SqlCursor } from './sql-cursor.ts';

const MAX_COLUMNS = 4096;
/** Tokens of one tuple. */
const MAX_TUPLE = 512;
/** Tokens of `database.schema.table AS t`. */
const MAX_NAME = 8;

/** @param from behind INTO, or INSERT */
export function findInserted(cursor: SqlCursor, from: number): void {
  let i = from;
  while (i < from + MAX_NAME && (isName(cursor, i) || cursor.isSymbol(i, '.'))) i++;
  if (!cursor.isSymbol(i, '(') || (i === from && !cursor.isWord(from - 1, 'INSERT'))) return; // MERGE names no table
  const columns = columnsAt(cursor, i + 1);
  if (columns) addRows(cursor, columns.end, columns.secret, false);
}

/** `(name, password) = ('…', '…')` of UPDATE and WHERE. @param open where the parenthesis opens */
export function findTuple(cursor: SqlCursor, open: number): void {
  const columns = columnsAt(cursor, open + 1);
  if (!columns) return;
  if (cursor.isWord(columns.end, 'IN')) addRows(cursor, columns.end + 2, columns.secret, true);
  if (!cursor.isSymbol(columns.end, '=')) return;
  const row = columns.end + (cursor.isWord(columns.end + 1, 'ROW') ? 2 : 1);
  if (cursor.isSymbol(row, '(')) addRows(cursor, row, columns.secret, true);
}

/** Which of the columns are secret, and where their list ends; null where it is none, or none is. */
function columnsAt(
  cursor: SqlCursor,
  from: number,
): { readonly secret: ReadonlySet<number>; readonly end: number } | null {
  const secret = new Set<number>();
  let i = from;
  for (let column = 0; column < MAX_COLUMNS; i++) {
    if (cursor.isSymbol(i, ',')) column++;
    else if (isName(cursor, i)) {
      if (isSecretName(cursor.tokens[i]?.value ?? '')) secret.add(column);
    } else if (!cursor.isSymbol(i, '.')) break;
  }
  return secret.size > 0 && cursor.isSymbol(i, ')') ? { secret, end: i + 1 } : null;
}

const isName = ({ tokens }: SqlCursor, i: number): boolean =>
  tokens[i]?.kind === 'word' || tokens[i]?.kind === 'name';

/** A tuple's columns, or those of a SELECT: of one, or up to the end of the statement. */
function addRows(
  cursor: SqlCursor,
  from: number,
  secret: ReadonlySet<number>,
  isOne: boolean,
): void {
  let depth = 0;
  let column = 0;
  let base = 1;
  const end = Math.min(isOne ? from + MAX_TUPLE : Number.POSITIVE_INFINITY, cursor.tokens.length);
  for (let i = from; i < end; i++) {
    if (cursor.isSymbol(i, ';') || cursor.isWord(i, 'INTO', 'INSERT')) return;
    if (cursor.isWord(i, 'SELECT') && depth === 0) base = 0;
    if (base === 0 && depth === 0 && cursor.isWord(i, 'FROM', 'WHERE')) return;
    if (cursor.isWord(i, 'SELECT', 'UNION') && depth === 0) column = 0;
    if (cursor.isSymbol(i, '(') && ++depth === base) column = 0;
    else if (cursor.isSymbol(i, ')')) {
      if (--depth === 0 && isOne) return;
    } else if (cursor.isSymbol(i, ',') && depth === base) column++;
    else if (depth >= base && secret.has(column)) cursor.add(i);
  }
}
