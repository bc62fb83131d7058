/**
 * The commands in a shell's text: words, pipes, here-documents, substitutions; what bash, zsh, dash and fish
 * have in common. It is no judge of syntax: everything is some command, and what a quote leaves open goes up to
 * the end. Each character is looked at once.
 */
import { type Close, MAX_DEPTH, WordScanner } from './shell-scanner.ts';
import type { Word } from './shell-words.ts';

/** A part of the text that is data or commands of its own. */
export interface Part {
  readonly start: number;
  readonly end: number;
}

export interface Command {
  readonly words: readonly Word[];
  /** Bodies of here-documents. */
  readonly documents: Part[];
  /** Words behind `<<<`. */
  readonly strings: readonly Word[];
  /** Whose output it reads through a pipe: a command, or a group of them. */
  readonly source: readonly Command[];
}

export interface Script {
  readonly commands: readonly Command[];
  readonly comments: readonly Part[];
}

interface HereDocument {
  readonly command: Draft;
  readonly delimiter: string;
  readonly tabs: boolean;
}

interface Draft extends Command {
  readonly words: Word[];
  readonly strings: Word[];
  /** It has a here-document that was not read yet. */
  waits: boolean;
}

const draft = (source: readonly Command[] = []): Draft => ({
  ...{ words: [], documents: [], strings: [], waits: false, source },
});

export function parseShell(text: string): Script {
  const parser = new ShellParser(text);
  parser.list('', 0);
  return parser;
}

class ShellParser implements Script {
  readonly commands: Command[] = [];
  readonly comments: Part[] = [];
  readonly #text: string;
  readonly #scanner: WordScanner;
  readonly #pending: HereDocument[] = [];

  constructor(text: string) {
    this.#text = text;
    this.#scanner = new WordScanner(text, (close, depth) => this.list(close, depth));
  }

  /** Up to what closes it, or the end. */
  list(close: Close, depth: number): void {
    const list: Draft[] = [];
    const groups: number[] = [];
    let current = draft();
    /** What a word is that comes next. */
    let next: 'word' | 'target' | 'string' = 'word';
    let closed = 0;
    const finish = () => {
      if (current.words.length + current.strings.length > 0 || current.waits) {
        if (current.words[0]?.value === '{') groups.push(list.length);
        if (current.words[0]?.value === '}') closed = groups.pop() ?? 0;
        else closed = list.length;
        list.push(current);
        this.commands.push(current);
      }
      current = draft();
      next = 'word';
    };
    const text = this.#text;
    while (this.#scanner.at < text.length) {
      const at = this.#scanner.at;
      const char = text[at] ?? '';
      if (char === ' ' || char === '\t' || char === '\r') this.#scanner.at++;
      else if (char === '\\' && text[at + 1] === '\n') this.#scanner.at += 2;
      else if (char === '\n') {
        this.#scanner.at++;
        finish();
        this.#readDocuments();
      } else if (char === ')' || (char === '`' && close === '`')) {
        finish();
        this.#scanner.at++;
        if (char === close && (char === '`' || groups.length === 0)) return;
        closed = groups.pop() ?? closed;
      } else if (char === '(') {
        this.#scanner.at++;
        finish();
        groups.push(list.length);
      } else if (char === '#') this.#comment(close);
      else if (char === '&' && text[at + 1] === '>') {
        this.#scanner.at += 2;
        next = 'target';
      } else if (char === ';' || char === '&') {
        this.#scanner.at++;
        finish();
      } else if (char === '|') {
        const isPipe = text[at + 1] !== '|';
        this.#scanner.at += isPipe && text[at + 1] !== '&' ? 1 : 2;
        finish();
        if (isPipe) current = draft(list.slice(closed));
        closed = list.length;
      } else if (char === '<' || char === '>') next = this.#redirection(current, depth);
      else {
        const word = this.#scanner.word(close, depth);
        if (next === 'word') current.words.push(word);
        else if (next === 'string') current.strings.push(word);
        next = 'word';
      }
    }
    finish();
    this.#readDocuments();
  }

  #comment(close: Close): void {
    const start = this.#scanner.at;
    const text = this.#text;
    while (this.#scanner.at < text.length && text[this.#scanner.at] !== '\n') {
      if (close === '`' && text[this.#scanner.at] === '`') break;
      this.#scanner.at++;
    }
    this.comments.push({ start: start + 1, end: this.#scanner.at });
  }

  #redirection(command: Draft, depth: number): 'word' | 'target' | 'string' {
    const text = this.#text;
    const at = this.#scanner.at;
    if (text[at + 1] === '(') {
      this.#scanner.at += 2;
      if (depth < MAX_DEPTH) this.list(')', depth + 1);
      return 'word';
    }
    if (text.startsWith('<<<', at)) {
      this.#scanner.at += 3;
      return 'string';
    }
    if (text.startsWith('<<', at)) {
      const tabs = text[at + 2] === '-';
      this.#scanner.at += tabs ? 3 : 2;
      while (text[this.#scanner.at] === ' ' || text[this.#scanner.at] === '\t') this.#scanner.at++;
      const { value } = this.#scanner.word('', MAX_DEPTH);
      if (value === '') return 'word';
      command.waits = true;
      this.#pending.push({ command, delimiter: value, tabs });
      return 'word';
    }
    this.#scanner.at++;
    while (/[<>|&]/.test(text[this.#scanner.at] ?? '')) this.#scanner.at++;
    return 'target';
  }

  #readDocuments(): void {
    const text = this.#text;
    for (const { command, delimiter, tabs } of this.#pending.splice(0)) {
      const start = this.#scanner.at;
      let end = text.length;
      let next = text.length;
      for (let line = start; line < text.length; ) {
        const newline = text.indexOf('\n', line);
        const stop = newline < 0 ? text.length : newline;
        const content = text.slice(line, stop);
        if ((tabs ? content.replace(/^\t+/, '') : content) === delimiter) {
          end = line;
          next = Math.min(stop + 1, text.length);
          break;
        }
        line = stop + 1;
      }
      this.#scanner.at = next;
      if (end > start) command.documents.push({ start, end });
    }
  }
}
