/** What we may do on an output: colour, and how wide a line is. */
import { styleText } from 'node:util';

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan' | 'magenta' | 'underline';

export interface Screen {
  /** Columns; Infinity where nobody looks, so that nothing is cut. */
  readonly width: number;
  /** The text in a style, or as it is. */
  paint(style: Style, text: string): string;
}

/** Narrower than this nothing can be read; a terminal that says so is not believed. */
const MIN_WIDTH = 20;

interface Output {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** Colour on a terminal only, and not where NO_COLOR (no-color.org) or TERM=dumb asks for none. */
export function screenOf(output: Output, env: NodeJS.ProcessEnv): Screen {
  const onTerminal = output.isTTY === true;
  const coloured = onTerminal && !env.NO_COLOR && env.TERM !== 'dumb';
  return {
    get width() {
      // Asked each time: a window changes its size.
      return onTerminal ? Math.max(MIN_WIDTH, output.columns || 80) : Infinity;
    },
    paint: (style, text) =>
      coloured && text !== '' ? styleText(style, text, { validateStream: false }) : text,
  };
}
