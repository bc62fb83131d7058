/** `INSERT INTO t (name, password) VALUES ('…', '…'), …`: the values of columns that are named after secrets. */
import { isSecretName } from './names.ts';
import type { SqlCursor } from './sql-cursor.ts';

const MAX_COLUMNS = 4096;
/** Tokens of `database.schema.table AS t`. */
const MAX_NAME = 8;

/** @param from behind INTO */
export function findInserted(cursor: SqlCursor, from: number): void {
  let i = from;
  while (i < from + MAX_NAME && (isName(cursor, i) || cursor.isSymbol(i, '.'))) i++;
  if (i === from || !cursor.isSymbol(i, '(')) return;
  const secret = new Set<number>();
  let column = 0;
  for (i++; column < MAX_COLUMNS && (isName(cursor, i) || cursor.isSymbol(i, ',', '.')); i++) {
    if (cursor.isSymbol(i, ',')) column++;
    else if (isName(cursor, i) && isSecretName(cursor.tokens[i]?.value ?? '')) secret.add(column);
  }
  if (secret.size === 0 || !cursor.isSymbol(i, ')')) return;
  addRows(cursor, i + 1, secret);
}

const isName = ({ tokens }: SqlCursor, i: number): boolean =>
  tokens[i]?.kind === 'word' || tokens[i]?.kind === 'name';

/** Up to the end of the statement; a tuple's columns, or those of a SELECT. */
function addRows(cursor: SqlCursor, from: number, secret: ReadonlySet<number>): void {
  let depth = 0;
  let column = 0;
  let base = 1;
  for (let i = from; i < cursor.tokens.length; i++) {
    if (cursor.isSymbol(i, ';') || cursor.isWord(i, 'INTO')) return;
    if (cursor.isWord(i, 'SELECT') && depth === 0) base = 0;
    if (base === 0 && depth === 0 && cursor.isWord(i, 'FROM', 'WHERE')) return;
    if (cursor.isWord(i, 'SELECT', 'UNION') && depth === 0) column = 0;
    if (cursor.isSymbol(i, '(') && ++depth === base) column = 0;
    else if (cursor.isSymbol(i, ')')) depth--;
    else if (cursor.isSymbol(i, ',') && depth === base) column++;
    else if (depth >= base && secret.has(column)) cursor.add(i);
  }
}
