/** Events as lines of a terminal: columns that grow with what comes, the last one cut to the screen. */
import type { ColumnSpec, Value } from '../../sdk/spec.ts';
import { forTerminal } from '../output.ts';
import type { Screen, Style } from '../terminal/screen.ts';
import { cut, displayWidth, pad } from '../terminal/text.ts';
import { durationText } from '../terminal/words.ts';

const GAP = '  ';
/** A column grows to what it holds, but no further; on a narrow screen to a fifth of it. */
const MAX_COLUMN = 24;
const SHARE = 5;
/** The last column keeps so much, or the others are cut. */
const MIN_LAST = 16;
const SLOW_NS = 1_000_000_000;

/** What most values take, so that the header stands above the first of them. */
const USUAL_WIDTH: Readonly<Record<string, number>> = { time: 8, duration: 7, pid: 7, uid: 5 };

type Paint = (value: Value) => Style | undefined;

const badNumber: Paint = (value) => (value !== null && Number(value) !== 0 ? 'red' : undefined);
const always =
  (style: Style): Paint =>
  () =>
    style;

/** By a column's name, which means the same in every table. */
const STYLES: Readonly<Record<string, Paint>> = {
  time: always('dim'),
  exit_code: badNumber,
  error_code: badNumber,
  sqlstate: (value) => (value === null ? undefined : 'red'),
  error: always('red'),
  result: (value) => (value === 'failed' ? 'red' : undefined),
  success: (value) => (value === 'no' || value === '0' || value === 0 ? 'red' : undefined),
  duration: (value) => (Number(value) >= SLOW_NS ? 'yellow' : 'dim'),
  uid: (value) => (Number(value) === 0 ? 'magenta' : 'cyan'),
  user: always('cyan'),
  cwd: always('dim'),
  command: always('bold'),
  cmdline: always('bold'),
  query: always('bold'),
};

/** auid and session_id of processes that come from no login: (u32)-1. */
const UNSET = 4294967295;
const MAY_BE_UNSET = new Set(['auid', 'session_id']);

/** Local time of the day. */
const clock = (seconds: number): string =>
  new Date(seconds * 1000).toLocaleTimeString('en-GB', { hour12: false });

function shown(name: string, value: Value): string {
  if (value === null) return '-';
  if (name === 'time') return clock(Number(value));
  if (name === 'duration') return durationText(Number(value));
  if (MAY_BE_UNSET.has(name) && Number(value) === UNSET) return 'none';
  return forTerminal(value);
}

export class TailView {
  readonly #columns: readonly ColumnSpec[];
  readonly #screen: Screen;
  readonly #widths: number[];

  /** @param columns which to show, in this order */
  constructor(columns: readonly ColumnSpec[], screen: Screen) {
    this.#columns = columns;
    this.#screen = screen;
    this.#widths = columns.map(({ name }) => Math.max(name.length, USUAL_WIDTH[name] ?? 0));
  }

  header(): string {
    return this.#screen.paint('underline', this.#line(this.#columns.map(({ name }) => name)));
  }

  /** @param values of the columns that are shown */
  row(values: readonly Value[]): string {
    const texts = this.#columns.map(({ name }, i) => shown(name, values[i] ?? null));
    const limit = Math.min(MAX_COLUMN, Math.max(4, Math.floor(this.#screen.width / SHARE)));
    for (const [i, text] of texts.entries()) {
      const width = Math.min(limit, displayWidth(text.slice(0, MAX_COLUMN * 2)));
      this.#widths[i] = Math.max(this.#widths[i] ?? 0, width);
    }
    const styles = this.#columns.map(({ name }, i) => STYLES[name]?.(values[i] ?? null));
    return this.#line(texts, styles);
  }

  #line(texts: readonly string[], styles: readonly (Style | undefined)[] = []): string {
    const last = texts.length - 1;
    const room = this.#screen.width;
    let taken = 0;
    const cells = texts.map((text, i) => {
      const isLast = i === last;
      const left = room - taken - (isLast ? 0 : MIN_LAST + GAP.length);
      const width = isLast ? left : Math.max(1, Math.min(this.#widths[i] ?? 0, left));
      taken += width + GAP.length;
      const { type } = this.#columns[i] ?? {};
      const cell = isLast
        ? cut(text, Math.max(1, width))
        : pad(cut(text, width), width, type === 'TEXT' ? 'left' : 'right');
      const style = styles[i];
      return style === undefined ? cell : this.#screen.paint(style, cell);
    });
    return cells.join(GAP);
  }
}
