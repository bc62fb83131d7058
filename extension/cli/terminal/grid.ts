/** Cells in columns that fit a screen. */
import type { Screen, Style } from './screen.ts';
import { cut, cutStart, displayWidth, pad } from './text.ts';

export interface GridColumn {
  readonly title: string;
  readonly align?: 'left' | 'right';
  /** May be cut where the screen is too narrow; `start` keeps its end. */
  readonly cut?: 'end' | 'start';
  /** Left out where the screen is too narrow even then, the highest first. */
  readonly spare?: number;
}

export interface GridCell {
  readonly text: string;
  readonly style?: Style | undefined;
}

/** Between columns. */
const GAP = 2;
/** A column that is cut keeps so much. */
const MIN_CUT = 12;

/** @returns lines: the titles, then the rows. */
export function grid(
  screen: Screen,
  columns: readonly GridColumn[],
  rows: readonly (readonly GridCell[])[],
): string[] {
  const wanted = columns.map(({ title }, i) =>
    rows.reduce((most, row) => Math.max(most, displayWidth(row[i]?.text ?? '')), title.length),
  );
  const places = fitting(screen.width, columns, wanted);
  const widths = cutWidths(screen.width, columns, wanted, places);
  const line = (cells: readonly (GridCell | undefined)[]) =>
    places
      .map((place, n) => {
        const { align, cut: side } = columns[place] ?? {};
        const width = widths[n] ?? 0;
        const { text, style } = cells[place] ?? { text: '' };
        const shown = side === 'start' ? cutStart(text, width) : cut(text, width);
        const isLast = n === places.length - 1;
        const padded = isLast && align !== 'right' ? shown : pad(shown, width, align);
        return style === undefined ? padded : screen.paint(style, padded);
      })
      .join(' '.repeat(GAP))
      .trimEnd();
  return [line(columns.map(({ title }) => ({ text: title, style: 'dim' }))), ...rows.map(line)];
}

/** The least that a column takes. */
const least = (column: GridColumn | undefined, wanted: number): number =>
  column?.cut === undefined ? wanted : Math.min(wanted, MIN_CUT);

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
const gaps = (count: number): number => GAP * Math.max(0, count - 1);

/** The columns for which there is room, in their order. */
function fitting(
  width: number,
  columns: readonly GridColumn[],
  wanted: readonly number[],
): readonly number[] {
  let places = columns.map((_, i) => i);
  for (;;) {
    const needed = sum(places.map((i) => least(columns[i], wanted[i] ?? 0))) + gaps(places.length);
    const spare = places
      .filter((i) => columns[i]?.spare !== undefined)
      .sort((a, b) => (columns[b]?.spare ?? 0) - (columns[a]?.spare ?? 0))[0];
    if (needed <= width || spare === undefined) return places;
    places = places.filter((i) => i !== spare);
  }
}

/** Widths of these places: columns that may be cut share what is left. */
function cutWidths(
  width: number,
  columns: readonly GridColumn[],
  wanted: readonly number[],
  places: readonly number[],
): number[] {
  const widths = places.map((i) => wanted[i] ?? 0);
  let over = sum(widths) + gaps(places.length) - width;
  while (over > 0) {
    // The widest gives first.
    let widest = -1;
    for (const [n, place] of places.entries()) {
      const floor = least(columns[place], wanted[place] ?? 0);
      if ((widths[n] ?? 0) > floor && (widths[n] ?? 0) > (widths[widest] ?? 0)) widest = n;
    }
    if (widest < 0) return widths;
    widths[widest] = (widths[widest] ?? 0) - 1;
    over--;
  }
  return widths;
}
