/** A word of a shell's command line without its quotes, and where each of its characters stands in the text. */
import type { SpanSink } from './spans.ts';

/** A part of a word in one kind of quotes, or in none. */
interface Segment {
  readonly start: number;
  end: number;
  readonly quoted: boolean;
}

export interface Word {
  readonly start: number;
  readonly end: number;
  /** Without quotes; a command substitution in it is `$()`. */
  readonly value: string;
  /** null: each character stands for itself, from `start` on. */
  readonly places: Places | null;
}

/** For each character of the value: where it begins, where it ends, in which segment. */
interface Places {
  readonly begins: readonly number[];
  readonly ends: readonly number[];
  readonly segments: readonly number[];
  readonly parts: readonly Segment[];
}

/** Of a path, or of a name that is none: `mysql` of `/usr/bin/mysql`. */
export const lastPart = (word: string): string => word.slice(word.lastIndexOf('/') + 1);

export class WordBuilder {
  readonly #text: string;
  readonly #start: number;
  readonly #pieces: string[] = [];
  readonly #begins: number[] = [];
  readonly #ends: number[] = [];
  readonly #segments: number[] = [];
  readonly #parts: Segment[];
  #plain = true;

  constructor(text: string, start: number) {
    this.#text = text;
    this.#start = start;
    this.#parts = [{ start, end: start, quoted: false }];
  }

  /** A character, or what stands for some, from `begin` to `end`. */
  add(characters: string, begin: number, end: number): void {
    if (end - begin !== 1 || characters.length !== 1) this.#plain = false;
    for (const character of characters) {
      this.#pieces.push(character);
      this.#begins.push(begin);
      this.#ends.push(end);
      this.#segments.push(this.#parts.length - 1);
    }
  }

  open(at: number): void {
    this.#plain = false;
    this.#close(at);
    this.#parts.push({ start: at, end: at, quoted: true });
  }

  /** @param at behind the closing quote */
  close(at: number): void {
    this.#close(at);
    this.#parts.push({ start: at, end: at, quoted: false });
  }

  #close(at: number): void {
    const last = this.#parts.at(-1);
    if (last) last.end = at;
  }

  word(end: number): Word {
    this.#close(end);
    const start = this.#start;
    if (this.#plain) return { start, end, value: this.#text.slice(start, end), places: null };
    const places = {
      ...{ begins: this.#begins, ends: this.#ends, segments: this.#segments },
      parts: this.#parts,
    };
    return { start, end, value: this.#pieces.join(''), places };
  }
}

/** Name a part of a word's value as secret. Quotes stay in pairs: what spans several is taken with them. */
export function addPart({ start, value, places }: Word, from: number, to: number, sink: SpanSink) {
  const end = Math.min(to, value.length);
  if (end <= from) return;
  if (!places) {
    sink.add(start + from, start + end);
    return;
  }
  const { begins, ends, segments, parts } = places;
  const first = parts[segments[from] ?? 0];
  const last = parts[segments[end - 1] ?? 0];
  const [begin = 0, stop = 0] = [begins[from], ends[end - 1]];
  if (first === last) sink.add(begin, stop);
  else sink.add(first?.quoted ? first.start : begin, last?.quoted ? last.end : stop);
}

/** Parts of a word's value from one character on, told as parts of the text that it stands in. */
export function partsOf(word: Word, from: number, sink: SpanSink): SpanSink {
  return { add: (start, end) => addPart(word, start + from, end + from, sink) };
}
