/** The tokens of one SQL text while rules go over them, and what they find. */
import { isPlainValue } from './names.ts';
import type { SpanSink } from './spans.ts';
import type { Token } from './sql-tokens.ts';

/** Tokens that are looked at for the end of a call or a list: more is no call that a person writes. */
const MAX_TOKENS = 512;
const OPEN = '(';
const CLOSE = ')';

export class SqlCursor {
  readonly tokens: readonly Token[];
  readonly #sink: SpanSink;
  readonly #parameters: Set<number>;
  /** Up to here expressions were looked at. */
  #done = 0;

  constructor(tokens: readonly Token[], sink: SpanSink, parameters: Set<number>) {
    this.tokens = tokens;
    this.#sink = sink;
    this.#parameters = parameters;
  }

  isSymbol(i: number, ...symbols: string[]): boolean {
    const token = this.tokens[i];
    return token?.kind === 'symbol' && symbols.includes(token.value);
  }

  isWord(i: number, ...words: string[]): boolean {
    const token = this.tokens[i];
    return token?.kind === 'word' && words.includes(token.value);
  }

  isString(i: number): boolean {
    return this.tokens[i]?.kind === 'string';
  }

  /** A string or a parameter is secret. */
  add(i: number): void {
    const token = this.tokens[i];
    if (token?.kind === 'parameter') this.#parameters.add(Number(token.value));
    if (token?.kind !== 'string') return;
    if (!isPlainValue(token.value)) this.#sink.add(token.innerStart, token.innerEnd);
  }

  /**
   * What stands here is secret: a string (and those it is put together with), a parameter, or the strings among
   * the arguments of a function.
   */
  addExpression(from: number): void {
    if (from < this.#done) return;
    let i = from;
    while (i < from + MAX_TOKENS && (this.isSymbol(i, OPEN) || this.#isIntroducer(i))) i++;
    for (let left = MAX_TOKENS; left > 0; left--) {
      if (this.isString(i) || this.tokens[i]?.kind === 'parameter') this.add(i++);
      else if (this.tokens[i]?.kind === 'word' && this.isSymbol(i + 1, OPEN))
        i = this.addCall(i + 1, 1, Number.POSITIVE_INFINITY);
      else if (this.isSymbol(i, '||') || this.isSymbol(i - 1, '||')) i++;
      else break;
    }
    this.#done = i;
  }

  /** `_utf8mb4'…'`, `BINARY '…'` */
  #isIntroducer(i: number): boolean {
    const token = this.tokens[i];
    if (token?.kind !== 'word' || this.isSymbol(i + 1, OPEN)) return false;
    return token.value.startsWith('_') || token.value === 'BINARY';
  }

  /** The arguments of `change_password('bob', '…')`: what follows the first, or that alone. */
  addPasswords(open: number): void {
    const start = this.isString(open + 1) && this.isSymbol(open + 2, CLOSE) ? 1 : 2;
    this.addCall(open, start, Number.POSITIVE_INFINITY);
  }

  /**
   * The arguments from one number up to another are secret.
   * @param open where the parenthesis opens
   * @returns behind where it closes
   */
  addCall(open: number, from: number, to: number): number {
    let depth = 0;
    let argument = 1;
    const end = Math.min(open + MAX_TOKENS, this.tokens.length);
    for (let i = open; i < end; i++) {
      if (this.isSymbol(i, OPEN)) depth++;
      else if (this.isSymbol(i, CLOSE) && --depth === 0) return i + 1;
      else if (depth === 1 && this.isSymbol(i, ',')) argument++;
      else if (argument >= from && argument <= to) this.add(i);
    }
    return end;
  }
}
