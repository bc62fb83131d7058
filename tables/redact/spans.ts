/** The parts of a text that are secrets. Offsets are bytes: texts are read as Latin-1, a character a byte. */

/** What stands in the place of a secret. Two colleagues' secrets look the same, and so does their length. */
export const MARK = '[redacted]';
const MARK_BYTES = Buffer.from(MARK);

/** Takes the parts that rules find: from `start` up to `end`. */
export interface SpanSink {
  add(start: number, end: number): void;
}

/** Parts in order that neither touch nor overlap: start, end, start, end … */
export type Spans = readonly number[];

export class SpanList implements SpanSink {
  readonly #found: [number, number][] = [];

  add(start: number, end: number): void {
    if (end > start) this.#found.push([start, end]);
  }

  /**
   * @param text what they were found in: a part that is a mark already is none, so that redacting twice
   *   changes nothing
   */
  merged(text: string): Spans {
    if (this.#found.length === 0) return [];
    const marks = marksOf(text);
    const parts = this.#found.sort(([a], [b]) => a - b);
    const spans: number[] = [];
    let mark = 0;
    for (const [from, to] of parts) {
      let [start, end] = [from, to];
      // A rule may see a part of a mark only: it is taken whole.
      while (mark < marks.length && (marks[mark] ?? 0) + MARK.length <= start) mark++;
      for (let i = mark; i < marks.length && (marks[i] ?? 0) < end; i++) {
        start = Math.min(start, marks[i] ?? 0);
        end = Math.max(end, (marks[i] ?? 0) + MARK.length);
      }
      const last = spans.length - 1;
      if (last > 0 && start <= (spans[last] ?? 0)) spans[last] = Math.max(spans[last] ?? 0, end);
      else spans.push(start, end);
    }
    return withoutMarks(spans, text);
  }
}

function marksOf(text: string): number[] {
  const marks: number[] = [];
  for (let at = text.indexOf(MARK); at >= 0; at = text.indexOf(MARK, at + MARK.length))
    marks.push(at);
  return marks;
}

function withoutMarks(spans: readonly number[], text: string): Spans {
  const left: number[] = [];
  for (let i = 0; i < spans.length; i += 2) {
    const [start = 0, end = 0] = spans.slice(i, i + 2);
    if (end - start !== MARK.length || !text.startsWith(MARK, start)) left.push(start, end);
  }
  return left;
}

/** The text with a mark in the place of each part; all else byte for byte as it was. */
export function replaceSpans(text: Buffer, spans: Spans): Buffer {
  if (spans.length === 0) return text;
  const parts: Buffer[] = [];
  let from = 0;
  for (let i = 0; i < spans.length; i += 2) {
    parts.push(text.subarray(from, spans[i]), MARK_BYTES);
    from = spans[i + 1] ?? 0;
  }
  parts.push(text.subarray(from));
  return Buffer.concat(parts);
}

/** Parts of a piece of text, told as parts of what it was taken from. */
export function shifted(sink: SpanSink, by: number): SpanSink {
  return { add: (start, end) => sink.add(start + by, end + by) };
}

/**
 * The same for a piece whose escapes were resolved.
 * @param starts where each of its characters begins, and one more: where the last one ends
 */
export function mapped(sink: SpanSink, starts: readonly number[]): SpanSink {
  return {
    add: (start, end) => {
      if (end > start) sink.add(starts[start] ?? 0, starts[end] ?? starts.at(-1) ?? 0);
    },
  };
}

const STAR = 0x2a;

/** The text with as many bytes in the place of each part: a mark if it has the room, then stars. */
export function maskSpans(text: Buffer, spans: Spans): Buffer {
  if (spans.length === 0) return text;
  const masked = Buffer.from(text);
  for (let i = 0; i < spans.length; i += 2) {
    const [start = 0, end = 0] = [spans[i], spans[i + 1]];
    masked.fill(STAR, start, end);
    if (end - start >= MARK.length) MARK_BYTES.copy(masked, start);
  }
  return masked;
}
