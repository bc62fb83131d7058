/** Result rows as text: one function per format of `query`. */
import type { Value } from '../sdk/spec.ts';
import { displayWidth, escapeControls, pad } from './terminal/text.ts';

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

/** A cell on one line of a terminal. */
export const forTerminal = (cell: Cell): string => escapeControls(text(cell));

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
    (row) => `|${row.map((cell, i) => ` ${pad(cell, widths[i] ?? 0)} `).join('|')}|\n`,
  );
  return `${rule}${lines[0]}${rule}${lines.slice(1).join('')}${rows.length > 0 ? rule : ''}`;
}

export const FORMATS: Readonly<Record<Format, (result: Result) => string>> = {
  json,
  csv,
  line,
  table,
};
