/**
 * The arguments of a program, from its EXECVE records (kernel/auditsc.c, audit_log_execve_info):
 * `argc=3 a0="ls" a1=2D6C a2_len=9000 a2[0]=…`, then more records with `a2[1]=…` and what follows.
 */
import { toText } from '../events/text.ts';
import { ENRICHED } from './fields.ts';
import { decimal, encodedText, isEncoded, startsWith, unhex } from './values.ts';

const SPACE = 0x20;
const QUOTE = 0x22;
const EQUALS = 0x3d;
const LETTER_A = 0x61;
const OPEN = 0x5b;
const CLOSE = 0x5d;
const ARGC = Buffer.from('argc');

/** One argument: as text, or the pieces of a long one. */
type Argument = string | Buffer[];

export class Arguments {
  /** As the first record says; null where it did not come. */
  argc: number | null = null;
  /** A part is missing: of a record that was lost, or beyond what is kept. */
  lost = false;
  readonly #values: Argument[] = [];
  #kept = 0;
  #bytes = 0;

  /** Bytes of all that came, also of what was not kept, with a space between two. */
  get size(): number {
    return this.#bytes + Math.max((this.argc ?? this.#values.length) - 1, 0);
  }

  /**
   * Take one record.
   * @param max bytes to keep of all arguments
   * @returns false where a part of it makes no sense; the rest is taken
   */
  add(bytes: Buffer, at: number, end: number, max: number): boolean {
    let sound = true;
    while (at < end && bytes[at] !== ENRICHED) {
      if (bytes[at] === SPACE) {
        at++;
        continue;
      }
      const key = at;
      while (at < end && bytes[at] !== EQUALS && bytes[at] !== SPACE) at++;
      const keyEnd = at;
      if (bytes[at] !== EQUALS) {
        sound = false;
        continue;
      }
      const value = ++at;
      if (bytes[at] === QUOTE) {
        at++;
        while (at < end && bytes[at] !== QUOTE) at++;
        if (at === end) sound = false;
        else at++;
      } else while (at < end && bytes[at] !== SPACE && bytes[at] !== ENRICHED) at++;
      if (!this.#field(bytes, key, keyEnd, value, at, max)) sound = false;
    }
    return sound;
  }

  #field(
    bytes: Buffer,
    key: number,
    keyEnd: number,
    value: number,
    end: number,
    max: number,
  ): boolean {
    if (bytes[key] !== LETTER_A) return true; // of a newer kernel
    let at = key + 1;
    let index = 0;
    for (; at < keyEnd; at++) {
      const digit = (bytes[at] ?? 0) - 0x30;
      if (digit < 0 || digit > 9) break;
      index = index * 10 + digit;
    }
    if (at === key + 1) {
      const isCount = keyEnd - key === ARGC.length && startsWith(bytes, key, ARGC);
      const argc = isCount ? decimal(bytes, value, end) : null;
      if (argc === null || argc < 0 || this.argc !== null) return false;
      this.argc = argc;
      return true;
    }
    if (this.argc !== null && index >= this.argc) return false;
    if (at === keyEnd) return this.#whole(index, bytes, value, end, max);
    if (bytes[at] === OPEN && bytes[keyEnd - 1] === CLOSE) {
      const part = decimal(bytes, at + 1, keyEnd - 1);
      return part !== null && this.#piece(index, part, bytes, value, end, max);
    }
    return true; // a2_len
  }

  #whole(index: number, bytes: Buffer, value: number, end: number, max: number): boolean {
    if (index < this.#values.length) return false;
    if (index > this.#values.length) this.lost = true;
    if (!this.#keep(bytes, value, end, max)) return true;
    this.#values.push(encodedText(bytes, value, end) ?? '');
    return isEncoded(bytes, value, end);
  }

  #piece(
    index: number,
    part: number,
    bytes: Buffer,
    value: number,
    end: number,
    max: number,
  ): boolean {
    const last = this.#values.at(-1);
    const goesOn = index === this.#values.length - 1 && Array.isArray(last);
    if (index < this.#values.length && !goesOn) return false;
    // A piece before this one was in a record that was lost.
    if (goesOn ? part !== last.length : part !== 0 || index > this.#values.length) this.lost = true;
    if (!this.#keep(bytes, value, end, max)) return true;
    const quoted = bytes[value] === QUOTE;
    const plain = quoted ? bytes.subarray(value + 1, end - 1) : bytes.subarray(value, end);
    const piece = quoted ? Buffer.from(plain) : (unhex(bytes, value, end) ?? Buffer.from(plain));
    if (goesOn) last.push(piece);
    else this.#values.push([piece]);
    return isEncoded(bytes, value, end);
  }

  #keep(bytes: Buffer, value: number, end: number, max: number): boolean {
    const length = bytes[value] === QUOTE ? end - value - 2 : (end - value) >> 1;
    this.#bytes += length;
    this.#kept += length;
    if (this.#kept <= max) return true;
    this.lost = true;
    return false;
  }

  /** All of them, in their order. */
  texts(): string[] {
    return this.#values.map((value) =>
      typeof value === 'string' ? value : toText(Buffer.concat(value)),
    );
  }

  /** Whether all came. */
  get whole(): boolean {
    return !this.lost && this.argc === this.#values.length;
  }
}
