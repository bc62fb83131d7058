/** Reads the words of a shell's text: quotes, escapes, variables. Each character is looked at once. */
import { type Word, WordBuilder } from './shell-words.ts';

/** Substitutions in substitutions; deeper ones are text. */
export const MAX_DEPTH = 32;
/** Longer arithmetic is read as a command. */
const MAX_ARITHMETIC = 256;
const META = /[ \t\r\n;&|()<>]/;
const ESCAPED_IN_QUOTES = /[$`"\\\n]/;
/** A substitution in the value of a word. */
const SUBSTITUTION = '$()';
/** One that prints what stands in it: a secret in the place of a secret. */
const PRINTING = '$(echo)';
const PRINTS = /^(?:\$\(|`)[ \t(]*(?:echo|printf?)[ \t]/;
const ANSI_ESCAPES: Readonly<Record<string, string>> = {
  ...{ a: '\x07', b: '\b', e: '\x1b', E: '\x1b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' },
};

/** What ends a list of commands; '' is the end of the text. */
export type Close = ')' | '`' | '';

export class WordScanner {
  readonly #text: string;
  /** Reads the commands of a substitution, up to what closes it. */
  readonly #substitution: (close: Close, depth: number) => void;
  /** Where we are. */
  at = 0;

  constructor(text: string, substitution: (close: Close, depth: number) => void) {
    this.#text = text;
    this.#substitution = substitution;
  }

  word(close: Close, depth: number): Word {
    const text = this.#text;
    const word = new WordBuilder(text, this.at);
    while (this.at < text.length) {
      const at = this.at;
      const char = text[at] ?? '';
      if (META.test(char) || (char === '`' && close === '`')) break;
      if (char === "'") this.#single(word);
      else if (char === '"') this.#double(word, close, depth);
      else if (char === '\\') this.#escape(word);
      else if (char === '$' || char === '`') this.#dollar(word, close, depth, false);
      else {
        word.add(char, at, at + 1);
        this.at++;
      }
    }
    return word.word(this.at);
  }

  #escape(word: WordBuilder): void {
    const at = this.at;
    const next = this.#text[at + 1];
    this.at = Math.min(at + 2, this.#text.length);
    if (next === '\n') return;
    word.add(next ?? '\\', at, this.at);
  }

  #single(word: WordBuilder): void {
    const text = this.#text;
    word.open(this.at++);
    for (; this.at < text.length && text[this.at] !== "'"; this.at++)
      word.add(text[this.at] ?? '', this.at, this.at + 1);
    this.at = Math.min(this.at + 1, text.length);
    word.close(this.at);
  }

  #double(word: WordBuilder, close: Close, depth: number): void {
    const text = this.#text;
    word.open(this.at++);
    while (this.at < text.length && text[this.at] !== '"') {
      const at = this.at;
      const char = text[at] ?? '';
      if (char === '\\' && ESCAPED_IN_QUOTES.test(text[at + 1] ?? '')) this.#escape(word);
      else if (char === '$' || (char === '`' && close !== '`'))
        this.#dollar(word, close, depth, true);
      else {
        word.add(char, at, at + 1);
        this.at++;
      }
    }
    this.at = Math.min(this.at + 1, text.length);
    word.close(this.at);
  }

  /** `$…` or a backquote. */
  #dollar(word: WordBuilder, close: Close, depth: number, quoted: boolean): void {
    const text = this.#text;
    const at = this.at;
    const next = text[at] === '`' ? '`' : text[at + 1];
    if (next === "'" && !quoted) {
      this.#ansi(word);
    } else if (next === '"' && !quoted) {
      this.at++;
      this.#double(word, close, depth);
    } else if ((next === '(' || next === '`') && depth < MAX_DEPTH) {
      this.at = this.#arithmeticEnd(at) ?? at;
      if (this.at === at) {
        this.at += next === '(' ? 2 : 1;
        this.#substitution(next === '(' ? ')' : '`', depth + 1);
      }
      const prints = PRINTS.test(text.slice(at, at + 32));
      word.add(prints ? PRINTING : SUBSTITUTION, at, this.at);
    } else {
      word.add(text[at] ?? '', at, at + 1);
      this.at++;
      if (next === '{') this.#braces(word);
    }
  }

  /** Where `$((…))` ends, or null where it is none. */
  #arithmeticEnd(at: number): number | null {
    const text = this.#text;
    if (!text.startsWith('$((', at)) return null;
    let open = 0;
    for (let i = at + 1; i < Math.min(at + MAX_ARITHMETIC, text.length); i++) {
      if (text[i] === '\n' || text[i] === '"' || text[i] === "'") return null;
      if (text[i] === '(') open++;
      if (text[i] === ')' && --open === 0) return text[i - 1] === ')' ? i + 1 : null;
    }
    return null;
  }

  /** `{…}` of a variable, as it stands. */
  #braces(word: WordBuilder): void {
    const text = this.#text;
    let open = 0;
    while (this.at < text.length) {
      const char = text[this.at] ?? '';
      word.add(char, this.at, this.at + 1);
      this.at++;
      if (char === '{') open++;
      if (char === '}' && --open === 0) return;
    }
  }

  /** `$'…'`, whose escapes are those of C. */
  #ansi(word: WordBuilder): void {
    const text = this.#text;
    word.open(this.at);
    this.at += 2;
    while (this.at < text.length && text[this.at] !== "'") {
      const at = this.at;
      if (text[at] !== '\\') {
        word.add(text[at] ?? '', at, at + 1);
        this.at++;
        continue;
      }
      const code = /^(?:x[\da-f]{1,2}|u[\da-f]{1,4}|U[\da-f]{1,8}|[0-7]{1,3}|c.)/is.exec(
        text.slice(at + 1, at + 10),
      );
      const escaped = code?.[0] ?? text[at + 1] ?? '';
      this.at = Math.min(at + 1 + Math.max(escaped.length, 1), text.length);
      word.add(ansiCharacter(escaped), at, this.at);
    }
    this.at = Math.min(this.at + 1, text.length);
    word.close(this.at);
  }
}

/** What an escape stands for; of a character beyond Latin-1 it matters only that it is one. */
function ansiCharacter(code: string): string {
  const digits = /^[xuU]([\da-f]+)$/i.exec(code)?.[1];
  const number = digits !== undefined ? Number.parseInt(digits, 16) : Number.NaN;
  if (!Number.isNaN(number)) return String.fromCharCode(number & 0xff);
  if (/^[0-7]+$/.test(code)) return String.fromCharCode(Number.parseInt(code, 8) & 0xff);
  return ANSI_ESCAPES[code] ?? code.at(-1) ?? '\\';
}
