/** The arguments of a program as a shell would be given them, so that a shell's rules find their secrets. Pure. */
import { MARK, type Spans } from './spans.ts';

const NEEDS_QUOTES = /[^\w@%+=:,./-]/;
const QUOTE = "'";
const ESCAPED_QUOTE = "'\\''";

export class QuotedArguments {
  readonly #values: readonly string[];
  /** For each argument where each of its bytes stands in the text; one more: where the last one ends. */
  readonly #places: readonly (readonly number[])[];
  readonly text: Buffer;

  constructor(values: readonly string[]) {
    // A character a byte.
    this.#values = values.map((value) => Buffer.from(value).toString('latin1'));
    const parts: string[] = [];
    let at = 0;
    const put = (part: string) => {
      parts.push(part);
      at += part.length;
    };
    this.#places = this.#values.map((value) => {
      const quote = value === '' || NEEDS_QUOTES.test(value) ? QUOTE : '';
      put(quote);
      const places = [...value].map((character) => {
        const place = at;
        put(character === QUOTE ? ESCAPED_QUOTE : character);
        return place;
      });
      places.push(at);
      put(`${quote} `);
      return places;
    });
    this.text = Buffer.from(parts.join(''), 'latin1');
  }

  /** @param spans parts of the text, in order, that are secret */
  without(spans: Spans): readonly string[] {
    let next = 0;
    return this.#values.map((value, i) => {
      const places = this.#places[i] ?? [];
      const pieces: string[] = [];
      let isSecret = false;
      for (let at = 0; at < value.length; at++) {
        const place = places[at] ?? 0;
        while ((spans[next + 1] ?? Number.POSITIVE_INFINITY) <= place) next += 2;
        const wasSecret = isSecret;
        isSecret = (spans[next] ?? Number.POSITIVE_INFINITY) <= place;
        if (!isSecret) pieces.push(value[at] ?? '');
        else if (!wasSecret) pieces.push(MARK);
      }
      return Buffer.from(pieces.join(''), 'latin1').toString();
    });
  }
}
