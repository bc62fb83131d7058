/**
 * Whether bytes hold any of a set of keywords, whatever the case of their letters. It runs on every text, and
 * nearly all hold none.
 *
 * Words of four bytes are read where they lie aligned. Of six bytes that stand anywhere, one of the first four
 * trigrams is at the beginning of a word: it is looked up in a table of hashed trigrams, which also tells of
 * the fourth byte; only where both fit, and then the bytes around them, is a keyword compared.
 *
 * No step waits for the one before. The skips of Horspool or of Wu and Manber are chains of loads, and were
 * slower; so is a regular expression over a string, for the string must be made first.
 */

import { MemoryWords } from '../memory-words.ts';

/** Characters of the shortest keyword. */
export const SHORTEST_KEYWORD = 6;
const GRAM = 3;
const WORD_BYTES = 4;

const HASH_BITS = 16;
const HASH_SHIFT = 32 - HASH_BITS;
const HASH_FACTOR = 0x9e37_79b1;
/** Folds the case of ASCII letters; the other bytes that it makes the same are told apart by `confirm`. */
const FOLD = 0x20;
const FOLD_WORD = 0x2020_2020;
/** What a table says of a byte: one flag for each value of its lowest bits. */
const LOW_BITS = 7;
const ANY_BYTE = 0xff;

/** `:/` at the end of a word: the one place of `a://b` where none of its trigrams begins a word. */
const URL_AT_END = 0x2f3a;

/** A letter, a digit or an underscore. */
export const WORD = '\u0001';
/** What may stand before a name; as the first character of a keyword also the beginning of the text. */
export const BEFORE = '\u0002';
/** What may follow the name of a program. */
export const AFTER = '\u0003';
/** What may follow a piece of a name: more of it, or its end. */
export const MORE = '\u0004';
/** What may stand before a name of two letters. */
export const GAP = '\u0006';
/** The beginning of the text. */
export const START = '\u0007';
/** What userinfo in a URL may begin with. */
const USERINFO = '\u0005';

const WORD_CHARACTERS = 'abcdefghijklmnopqrstuvwxyz0123456789_';
const END_CHARACTERS = ' \t\n"\'\\);|&<>';

/** The bytes that such a character of a keyword stands for. */
const CLASSES: ReadonlyMap<string, string> = new Map([
  [WORD, WORD_CHARACTERS],
  [BEFORE, ' \t\n"\'_-.;,?&{}(:$`/|@\\=>+[!\0'],
  [AFTER, END_CHARACTERS],
  [MORE, `${WORD_CHARACTERS}${END_CHARACTERS}=:\`-],.({}[@+*/%~!#?$^`],
  [GAP, ' \t\n"\'_-.;,&{(@:$`'],
  [USERINFO, `${WORD_CHARACTERS}-.~%!$&'(*+,;=:{"[`],
]);

/** The beginning of a URL with a host or a user: shorter than a keyword may be. */
const URL = `${WORD}://${USERINFO}`;

/** The bytes that may stand at one place of a keyword, folded. */
type Place = readonly number[];

const placesOf = (keyword: string): readonly Place[] =>
  [...keyword].map((char) => [
    ...new Set([...Buffer.from(CLASSES.get(char) ?? char, 'latin1')].map((byte) => byte | FOLD)),
  ]);

/** @param three folded bytes */
const slotOf = (three: number): number => Math.imul(three << 8, HASH_FACTOR) >>> HASH_SHIFT;

/** For each place of a keyword where its flags begin in `FLAGS`. */
type Pattern = Uint16Array;

const BYTES = 256;
/** Different sets of bytes that the places of all keywords have, with some room. */
const MAX_SETS = 128;
/** Whether a byte is in a set: 256 flags for each. All filters share them. */
const FLAGS = new Uint8Array(MAX_SETS * BYTES);
/** Where the flags of a set begin. */
const sets = new Map<string, number>();

function setOf(folded: Place): number {
  const name = [...folded].sort((a, b) => a - b).join();
  const known = sets.get(name);
  if (known !== undefined) return known;
  const begin = sets.size * BYTES;
  if (begin === FLAGS.length) throw new Error('MAX_SETS is too small');
  sets.set(name, begin);
  for (let byte = 0; byte < BYTES; byte++)
    if (folded.includes(byte | FOLD)) FLAGS[begin + byte] = 1;
  return begin;
}

const patternOf = (places: readonly Place[]): Pattern => Uint16Array.from(places, setOf);

interface Candidate {
  readonly pattern: Pattern;
  /** At which place the trigram begins. */
  readonly at: number;
}

/** For each value of a byte's lowest bits whether one of a place has it; any, where there is no such place. */
const flagsOf = (place: Place | undefined): number =>
  place?.reduce((all, byte) => all | (1 << (byte & LOW_BITS)), 0) ?? ANY_BYTE;

/** Hashed trigrams: for each the flags of the byte that follows, and the keywords that have it. */
class Grams {
  readonly flags = new Uint8Array(2 ** HASH_BITS);
  /** The same of the byte before a trigram, and of the fifth: no keyword is compared where these do not fit. */
  readonly #before = new Uint8Array(2 ** HASH_BITS);
  readonly #fifth = new Uint8Array(2 ** HASH_BITS);
  /** The number of a slot's list. */
  readonly #numbers = new Uint16Array(2 ** HASH_BITS);
  readonly #lists: Candidate[][] = [[]];

  add(folded: readonly Place[], at: number, pattern: Pattern): void {
    const [a = [], b = [], c = [], fourth] = folded.slice(at, at + GRAM + 1);
    const slots = a.flatMap((x) =>
      b.flatMap((y) => c.map((z) => slotOf(x | (y << 8) | (z << 16)))),
    );
    const bits = flagsOf(fourth);
    const before = flagsOf(folded[at - 1]);
    const fifth = flagsOf(folded[at + GRAM + 1]);
    for (const slot of new Set(slots)) {
      this.flags[slot] = (this.flags[slot] ?? 0) | bits;
      this.#before[slot] = (this.#before[slot] ?? 0) | before;
      this.#fifth[slot] = (this.#fifth[slot] ?? 0) | fifth;
      if (this.#numbers[slot] === 0) this.#numbers[slot] = this.#lists.push([]) - 1;
      this.#lists[this.#numbers[slot] ?? 0]?.push({ pattern, at });
    }
  }

  /** Whether a keyword stands around a trigram that begins at `at`, within `from` and `to`. */
  confirm(bytes: Uint8Array, from: number, to: number, at: number, slot: number): boolean {
    // Of a keyword that is there all bytes are in the text: what stands outside of it decides nothing.
    const before = at > 0 ? (bytes[at - 1] as number) : 0;
    const fifth = at + GRAM + 1 < bytes.length ? (bytes[at + GRAM + 1] as number) : 0;
    const fits =
      ((this.#before[slot] as number) >> (before & LOW_BITS)) &
      ((this.#fifth[slot] as number) >> (fifth & LOW_BITS));
    if ((fits & 1) === 0) return false;
    const candidates = this.#lists[this.#numbers[slot] as number] as Candidate[];
    for (let i = 0; i < candidates.length; i++) {
      const candidate = candidates[i] as Candidate;
      if (matches(bytes, from, to, at - candidate.at, candidate.pattern)) return true;
    }
    return false;
  }

  /** The same for a trigram that is the last of the text, or the first. */
  confirmAt(bytes: Uint8Array, from: number, to: number, at: number): boolean {
    if (at < from || at + GRAM > to) return false;
    const three =
      (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16);
    const slot = slotOf(three | FOLD_WORD);
    return this.flags[slot] !== 0 && this.confirm(bytes, from, to, at, slot);
  }
}

export class Prefilter {
  readonly #grams = new Grams();
  /** Of keywords that may begin the text: without their first place. */
  readonly #first = new Grams();
  readonly #url: Pattern;
  readonly #memory = new MemoryWords();

  /** @param keywords of at least SHORTEST_KEYWORD characters, in Latin-1; URLs are found too */
  constructor(keywords: readonly string[]) {
    for (const keyword of new Set(keywords)) this.#add(keyword);
    const url = placesOf(URL);
    this.#url = patternOf(url);
    for (let at = 0; at + GRAM <= url.length; at++) this.#grams.add(url, at, this.#url);
  }

  #add(keyword: string): void {
    if (keyword.startsWith(START)) {
      const rest = placesOf(keyword.slice(1));
      this.#first.add(rest, 0, patternOf(rest));
      return;
    }
    const folded = placesOf(keyword);
    if (folded.length < SHORTEST_KEYWORD) throw new Error(`keyword ${keyword} is too short`);
    const pattern = patternOf(folded);
    const from = rarest(folded);
    for (let at = from; at < from + WORD_BYTES; at++) this.#grams.add(folded, at, pattern);
    if (keyword.startsWith(BEFORE)) this.#first.add(folded.slice(1), 0, pattern.subarray(1));
  }

  /**
   * Whether a keyword or a URL stands in the bytes, or in a part of them.
   * @param from where the text begins
   * @param to where it ends
   */
  has(bytes: Uint8Array, from = 0, to = bytes.length): boolean {
    const { buffer, byteOffset } = bytes;
    const words = this.#memory.of(buffer);
    const flags = this.#grams.flags;
    // Words that are the text's alone. Before the first no keyword has its trigram; behind the last one may.
    const first = (byteOffset + from + WORD_BYTES - 1) >>> 2;
    const last = (byteOffset + to) >>> 2;
    let i = first;
    // Two at a time, and one branch for what nearly all are.
    for (const even = last - 1; i < even; i += 2) {
      const one = (words[i] as number) | FOLD_WORD;
      const two = (words[i + 1] as number) | FOLD_WORD;
      const ones = flags[Math.imul(one << 8, HASH_FACTOR) >>> HASH_SHIFT] as number;
      const twos = flags[Math.imul(two << 8, HASH_FACTOR) >>> HASH_SHIFT] as number;
      if ((ones | twos) === 0 && one >>> 16 !== URL_AT_END && two >>> 16 !== URL_AT_END) continue;
      const fit = (ones >> ((one >>> 24) & LOW_BITS)) | (twos >> ((two >>> 24) & LOW_BITS));
      if ((fit & 1) === 0 && one >>> 16 !== URL_AT_END && two >>> 16 !== URL_AT_END) continue;
      const at = i * WORD_BYTES - byteOffset;
      if (this.#holds(bytes, from, to, at, one, ones)) return true;
      if (this.#holds(bytes, from, to, at + WORD_BYTES, two, twos)) return true;
    }
    if (i < last) {
      const word = (words[i] as number) | FOLD_WORD;
      const fourths = flags[Math.imul(word << 8, HASH_FACTOR) >>> HASH_SHIFT] as number;
      if (this.#holds(bytes, from, to, i * WORD_BYTES - byteOffset, word, fourths)) return true;
    }
    return (
      this.#grams.confirmAt(bytes, from, to, last * WORD_BYTES - byteOffset) ||
      this.#first.confirmAt(bytes, from, to, from) ||
      matches(bytes, from, to, from, this.#url)
    );
  }

  /** Whether a keyword or a URL has a word of folded bytes in it. */
  #holds(
    bytes: Uint8Array,
    from: number,
    to: number,
    at: number,
    word: number,
    fourths: number,
  ): boolean {
    if (((fourths >> ((word >>> 24) & LOW_BITS)) & 1) !== 0) {
      const slot = Math.imul(word << 8, HASH_FACTOR) >>> HASH_SHIFT;
      if (this.#grams.confirm(bytes, from, to, at, slot)) return true;
    }
    return word >>> 16 === URL_AT_END && matches(bytes, from, to, at + 1, this.#url);
  }
}

/** Whether the bytes from `at` on are those of a pattern, and none of them is outside of `from` and `to`. */
function matches(
  bytes: Uint8Array,
  from: number,
  to: number,
  at: number,
  pattern: Pattern,
): boolean {
  if (at < from || at + pattern.length > to) return false;
  for (let i = 0; i < pattern.length; i++) {
    if (FLAGS[(pattern[i] as number) + (bytes[at + i] as number)] !== 1) return false;
  }
  return true;
}

/** Characters of which any four that are aligned begin a trigram whose fourth byte is known too. */
const WITH_FOURTH = SHORTEST_KEYWORD + 1;

/** Bytes by how often they are in commands and statements, folded; the rest is rarer. */
const OFTEN = ' etasroinldcmupfhgbywvk';
const RARE = 0.01;

/** How many of a thousand bytes are in a set, more or less. */
const frequency = (place: Place): number =>
  place.reduce((sum, byte) => {
    const rank = OFTEN.indexOf(String.fromCharCode(byte));
    return sum + (rank < 0 ? RARE : 0.1 / (1 + rank / 4));
  }, 0);

/** Which characters of a keyword to look for: those that may be the fewest bytes. */
function rarest(places: readonly Place[]): number {
  const length = Math.min(places.length, WITH_FOURTH);
  let best = 0;
  let fewest = Number.POSITIVE_INFINITY;
  for (let at = 0; at + length <= places.length; at++) {
    const often = places.slice(at, at + length).map(frequency);
    let sum = 0;
    for (let gram = 0; gram < WORD_BYTES; gram++)
      sum += often.slice(gram, gram + GRAM + 1).reduce((product, part) => product * part, 1);
    if (sum >= fewest) continue;
    best = at;
    fewest = sum;
  }
  return best;
}
