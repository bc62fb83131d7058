/**
 * SQL as MySQL and MariaDB split it into tokens (their manuals, "Language Structure"): as much of it as is needed
 * to tell values from the rest. Pure; any text has tokens, also one that no server would take.
 */

export type TokenKind =
  /** A string, a number, a hexadecimal or bit value. */
  | 'literal'
  /** A keyword or a name without quotes. */
  | 'word'
  /** A name in backticks. */
  | 'quoted'
  /** A `?`. */
  | 'placeholder'
  | 'symbol';

export interface Token {
  readonly kind: TokenKind;
  readonly start: number;
  /** Behind its last character. */
  readonly end: number;
}

export interface Dialect {
  /** Whether a backslash in a string takes the next character with it: not with NO_BACKSLASH_ESCAPES. */
  readonly backslash: boolean;
  /** Whether what is in version comments (those that begin with `!` or `M!`) is read. */
  readonly versionComments: boolean;
}

export const DEFAULT_DIALECT: Dialect = { backslash: true, versionComments: true };

const SPACE = /[\s\0]+/y;
const LINE_COMMENT = /(?:#|--(?=[\s\0]|$))[^\n]*/y;
const VERSION_COMMENT = /\/\*M?!\d*/y;
const NUMBER = /(?:0x[0-9a-f]+|0b[01]+|(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)(?![\w$\u0080-\uffff])/iy;
/** What stands before the quote of a string: a character set, N, X, B. */
const PREFIXED = /(?:_\w+\s*|[nxb])(?=')/iy;
const WORD = /@{0,2}[\w$\u0080-\uffff]+|@{1,2}(?=[`'"])/y;
const OPERATOR = /<=>|->>|<=|>=|<>|!=|:=|->|\|\||&&|<<|>>|[\s\S]/y;

/** The tokens of a text, without spaces and comments. */
export function* tokens(text: string, dialect: Dialect = DEFAULT_DIALECT): Generator<Token> {
  let at = 0;
  let inVersionComment = false;
  const end = (pattern: RegExp): number => {
    pattern.lastIndex = at;
    return pattern.test(text) ? pattern.lastIndex : at;
  };
  while (at < text.length) {
    const start = at;
    const first = text[at];
    at = end(SPACE);
    if (at > start) continue;
    at = end(LINE_COMMENT);
    if (at > start) continue;
    if (inVersionComment && text.startsWith('*/', at)) {
      inVersionComment = false;
      at += 2;
      continue;
    }
    if (text.startsWith('/*', at)) {
      const opened = dialect.versionComments ? end(VERSION_COMMENT) : at;
      if (opened > at) {
        inVersionComment = true;
        at = opened;
        continue;
      }
      const closed = text.indexOf('*/', at + 2);
      at = closed < 0 ? text.length : closed + 2;
      continue;
    }
    let kind: TokenKind = 'symbol';
    if (first === "'" || first === '"') {
      at = endOfString(text, at, dialect);
      kind = 'literal';
    } else if (first === '`') {
      at = endOfString(text, at, { ...dialect, backslash: false });
      kind = 'quoted';
    } else if (first === '?') {
      at++;
      kind = 'placeholder';
    } else {
      const prefix = end(PREFIXED);
      const number = end(NUMBER);
      const word = end(WORD);
      if (prefix > at) {
        at = endOfString(text, prefix, dialect);
        kind = 'literal';
      } else if (number > at) {
        at = number;
        kind = 'literal';
      } else if (word > at) {
        at = word;
        kind = 'word';
      } else at = end(OPERATOR);
    }
    yield { kind, start, end: at };
  }
}

/** Behind the quote that ends what begins at `at`; the text's end where there is none. A doubled quote is one of it. */
function endOfString(text: string, at: number, { backslash }: Dialect): number {
  const quote = text[at];
  for (let i = at + 1; i < text.length; i++) {
    if (backslash && text[i] === '\\') i++;
    else if (text[i] === quote) {
      if (text[i + 1] !== quote) return i + 1;
      i++;
    }
  }
  return text.length;
}
