/**
 * The tokens of SQL as PostgreSQL (scan.l) and MySQL (sql_lex.cc) see it, as far as secrets need it. What a
 * quote leaves open goes up to the end. Each character is looked at once.
 */

export type Dialect = 'postgres' | 'mysql';

export interface Token {
  readonly kind: 'word' | 'string' | 'name' | 'parameter' | 'symbol';
  readonly start: number;
  readonly end: number;
  /** word: in upper case; symbol: itself; parameter: its number from 1 on, or its name; else not resolved. */
  readonly value: string;
  /** Of a string or a quoted name: what is between its quotes. */
  readonly innerStart: number;
  readonly innerEnd: number;
  /** A backslash escapes what follows it; a quote is doubled either way. */
  readonly escapes: boolean;
  readonly quote: string;
}

export interface Tokens {
  readonly tokens: readonly Token[];
  readonly comments: readonly { readonly start: number; readonly end: number }[];
}

export interface TokenOptions {
  readonly dialect: Dialect;
  /**
   * Backslashes in strings are read the other way than by default: NO_BACKSLASH_ESCAPES in MySQL,
   * standard_conforming_strings = off in PostgreSQL. Which holds is not to be seen in a text.
   */
  readonly otherEscapes: boolean;
}

const WORD_START = /[A-Za-z_\x80-\xff@]/;
const WORD_PART = /[\w$@\x80-\xff]/;
const SPACE = /[ \t\r\n\f\v\0]/;
const DOLLAR_TAG = /\$(?:[A-Za-z_\x80-\xff][\w\x80-\xff]{0,62})?\$/y;
/** Letters that stand before the quote of a string. */
const PREFIX = /^[ENBX]$|^U&$|^_[A-Z\d]+$/;

export function sqlTokens(text: string, options: TokenOptions): Tokens {
  return new Lexer(text, options).run();
}

class Lexer implements Tokens {
  readonly tokens: Token[] = [];
  readonly comments: { start: number; end: number }[] = [];
  readonly #text: string;
  readonly #mysql: boolean;
  readonly #escapes: boolean;
  #at = 0;
  #parameters = 0;

  constructor(text: string, { dialect, otherEscapes }: TokenOptions) {
    this.#text = text;
    this.#mysql = dialect === 'mysql';
    this.#escapes = this.#mysql !== otherEscapes;
  }

  run(): this {
    const text = this.#text;
    while (this.#at < text.length) {
      const at = this.#at;
      const char = text[at] ?? '';
      if (SPACE.test(char)) this.#at++;
      else if (text.startsWith('/*', at)) this.#block();
      else if (text.startsWith('--', at) || (char === '#' && this.#mysql)) this.#line();
      else if (char === "'") this.#quoted('string', at, char, this.#escapes);
      else if (char === '"') this.#quoted(this.#mysql ? 'string' : 'name', at, char, this.#mysql);
      else if (char === '`' && this.#mysql) this.#quoted('name', at, char, false);
      else if (char === '$' && !this.#mysql && this.#dollar()) continue;
      else if (char === '?') this.#push('parameter', at, at + 1, String(++this.#parameters));
      else if (char === '$') this.#numbered();
      else if (WORD_START.test(char)) this.#word();
      else if (/\d/.test(char)) this.#number();
      else this.#symbol();
    }
    return this;
  }

  #push(kind: Token['kind'], start: number, end: number, value: string): void {
    this.#at = end;
    const inner = { innerStart: start, innerEnd: end, escapes: false, quote: '' };
    this.tokens.push({ kind, start, end, value, ...inner });
  }

  /** A MySQL comment with a version number is no comment: what is in it is read, its end is passed over. */
  #block(): void {
    const text = this.#text;
    const start = this.#at;
    const version = /^\/\*M?!\d*/.exec(text.slice(start, start + 12));
    if (this.#mysql && version) {
      this.#at += version[0].length;
      return;
    }
    let at = start + 2;
    for (let depth = 1; at < text.length && depth > 0; ) {
      if (text.startsWith('*/', at)) {
        depth--;
        at += 2;
      } else if (!this.#mysql && text.startsWith('/*', at)) {
        depth++;
        at += 2;
      } else at++;
    }
    this.#at = at;
    this.comments.push({ start: start + 2, end: at });
  }

  #line(): void {
    const newline = this.#text.indexOf('\n', this.#at);
    const end = newline < 0 ? this.#text.length : newline;
    this.comments.push({ start: this.#at + 1, end });
    this.#at = end;
  }

  /** @param start of the prefix, where there is one; the quote is where we are */
  #quoted(kind: 'string' | 'name', start: number, quote: string, escapes: boolean): void {
    const text = this.#text;
    const innerStart = this.#at + 1;
    let at = innerStart;
    for (; at < text.length; at++) {
      if (escapes && text[at] === '\\') at++;
      else if (text[at] === quote) {
        if (text[at + 1] !== quote) break;
        at++;
      }
    }
    const innerEnd = Math.min(at, text.length);
    this.#at = Math.min(at + 1, text.length);
    const value = text.slice(innerStart, innerEnd);
    this.tokens.push({
      ...{ kind, start, end: this.#at, value, innerStart, innerEnd, escapes, quote },
    });
  }

  #dollar(): boolean {
    const text = this.#text;
    DOLLAR_TAG.lastIndex = this.#at;
    const tag = DOLLAR_TAG.exec(text)?.[0];
    if (tag === undefined) return false;
    const start = this.#at;
    const innerStart = start + tag.length;
    const close = text.indexOf(tag, innerStart);
    const innerEnd = close < 0 ? text.length : close;
    this.#at = Math.min(innerEnd + tag.length, text.length);
    const value = text.slice(innerStart, innerEnd);
    const inner = { innerStart, innerEnd, escapes: false, quote: '' };
    this.tokens.push({ kind: 'string', start, end: this.#at, value, ...inner });
    return true;
  }

  /** `$1` */
  #numbered(): void {
    const digits = /^\$(\d{1,6})/.exec(this.#text.slice(this.#at, this.#at + 8))?.[1];
    if (digits === undefined) this.#symbol();
    else this.#push('parameter', this.#at, this.#at + 1 + digits.length, digits);
  }

  #word(): void {
    const text = this.#text;
    const start = this.#at;
    let end = start + 1;
    while (end < text.length && WORD_PART.test(text[end] ?? '')) end++;
    if (text[end] === '&' && end - start === 1) end++; // U&'…'
    const value = text.slice(start, Math.min(end, start + 256)).toUpperCase();
    if (text[end] === "'" && PREFIX.test(value)) {
      this.#at = end;
      this.#quoted('string', start, "'", this.#escapes || value === 'E');
    } else this.#push('word', start, value.endsWith('&') ? end - 1 : end, value.replace('&', ''));
  }

  /** MySQL's 0x… is a string; names may begin with a digit. */
  #number(): void {
    const text = this.#text;
    let end = this.#at + 1;
    while (end < text.length && /[\w.]/.test(text[end] ?? '')) end++;
    const value = text.slice(this.#at, Math.min(end, this.#at + 256));
    const isHex = this.#mysql && /^0[xb]/i.test(value);
    this.#push(isHex ? 'string' : 'symbol', this.#at, end, value);
  }

  #symbol(): void {
    const text = this.#text;
    const two = text.slice(this.#at, this.#at + 2);
    const isPair = ['||', ':=', '=>', '<>', '!=', '*/', '::'].includes(two);
    if (two === '*/') this.#at += 2;
    else this.#push('symbol', this.#at, this.#at + (isPair ? 2 : 1), isPair ? two : (two[0] ?? ''));
  }
}

/** A string without its escapes, and where each of its characters begins; one more: where the last one ends. */
export function resolved(
  text: string,
  token: Token,
): { readonly value: string; readonly starts: readonly number[] } | null {
  const { innerStart, innerEnd, escapes, quote } = token;
  const inner = text.slice(innerStart, innerEnd);
  const isPlain = !(escapes && inner.includes('\\')) && !(quote !== '' && inner.includes(quote));
  if (isPlain) return null;
  const pieces: string[] = [];
  const starts: number[] = [];
  for (let at = innerStart; at < innerEnd; at++) {
    starts.push(at);
    const char = text[at] ?? '';
    if ((char === quote || (escapes && char === '\\')) && at + 1 < innerEnd) {
      at++;
      const escaped = text[at] ?? '';
      pieces.push(char === '\\' && escaped === 'n' ? '\n' : escaped);
    } else pieces.push(char);
  }
  starts.push(innerEnd);
  return { value: pieces.join(''), starts };
}
