/** Result rows as text: one function per format of `query`. */
import type { Value } from '../sdk/spec.ts';

export type Cell = Value | Uint8Array;

export interface Result {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

export type Format = 'json' | 'csv' | 'line' | 'table';

const HEX: BufferEncoding = 'hex';

const text = (cell: Cell): string => {
  if (cell === null) return '';
  return cell instanceof Uint8Array ? Buffer.from(cell).toString(HEX) : String(cell);
};

/** Control characters could drive the reader's terminal: shown escaped, newlines too. */
const forTerminal = (cell: Cell): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is escaped
  text(cell).replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, (c) =>
    c === '\n' ? '\\n' : c === '\t' ? '\\t' : `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

/** One object per row; integers as numbers with all their digits, NULL as null. */
export function jsonRow(columns: readonly string[], row: readonly Cell[]): string {
  const members = columns.map((name, i) => {
    const cell = row[i] ?? null;
    const value =
      typeof cell === 'bigint'
        ? String(cell)
        : JSON.stringify(cell instanceof Uint8Array ? text(cell) : cell);
    return `${JSON.stringify(name)}:${value}`;
  });
  return `{${members.join(',')}}`;
}

/** One event on one line: what is known of it. */
export function terminalRow(columns: readonly string[], row: readonly Cell[]): string {
  return columns
    .map((name, i) => (row[i] === null ? '' : `${name}=${forTerminal(row[i] ?? null)}`))
    .filter((member) => member !== '')
    .join(' ');
}

function json({ columns, rows }: Result): string {
  if (rows.length === 0) return '[]\n';
  return `[\n${rows.map((row) => `  ${jsonRow(columns, row)}`).join(',\n')}\n]\n`;
}

/** RFC 4180. */
function csv({ columns, rows }: Result): string {
  const field = (cell: Cell) => {
    const value = text(cell);
    return /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
  };
  return [columns, ...rows].map((row) => `${row.map(field).join(',')}\r\n`).join('');
}

function line({ columns, rows }: Result): string {
  const width = Math.max(0, ...columns.map((name) => name.length));
  return rows
    .map((row) =>
      columns
        .map((name, i) => `${name.padStart(width)} = ${forTerminal(row[i] ?? null)}\n`)
        .join(''),
    )
    .join('\n');
}

function table({ columns, rows }: Result): string {
  const cells = [columns, ...rows].map((row) => row.map(forTerminal));
  // No spread into Math.max: a hundred thousand rows are more arguments than a call may have.
  const widths = columns.map((_, i) =>
    cells.reduce((widest, row) => Math.max(widest, displayWidth(row[i] ?? '')), 0),
  );
  const rule = `+${widths.map((w) => '-'.repeat(w + 2)).join('+')}+\n`;
  const lines = cells.map(
    (row) =>
      `|${row.map((cell, i) => ` ${cell}${' '.repeat((widths[i] ?? 0) - displayWidth(cell))} `).join('|')}|\n`,
  );
  return `${rule}${lines[0]}${rule}${lines.slice(1).join('')}${rows.length > 0 ? rule : ''}`;
}

/** Columns on a terminal: East Asian wide characters and emoji take two, combining marks none. */
function displayWidth(value: string): number {
  let width = 0;
  for (const char of value) {
    if (/\p{Mark}/u.test(char)) continue;
    width += WIDE.test(char) ? 2 : 1;
  }
  return width;
}

const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;

export const FORMATS: Readonly<Record<Format, (result: Result) => string>> = {
  json,
  csv,
  line,
  table,
};
