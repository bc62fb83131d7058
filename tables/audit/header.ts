/** What every record begins with: `audit(1700000000.123:456): ` in Unix s, ms and the event's serial number. */

import { startsWith } from './values.ts';

const DOT = 0x2e;
const COLON = 0x3a;
const SPACE = 0x20;
const CLOSE = 0x29;
const BEGIN = Buffer.from('audit(');
const MAX_SERIAL = 0xffff_ffff;
/** Of seconds: the year 5138. */
const MAX_DIGITS = 11;

const NOT_A_NUMBER = -1;

export class RecordHeader {
  /** Unix time, ms. */
  ms = 0;
  /** Of the event, from a counter of the kernel that begins with 1 at boot and rolls over at 2^32. */
  serial = 0;
  /** Where the fields begin. */
  body = 0;
  #at = 0;

  /** @returns false where there is no header at `at` */
  read(bytes: Uint8Array, at: number, end: number): boolean {
    if (!startsWith(bytes, at, BEGIN)) return false;
    this.#at = at + BEGIN.length;
    const seconds = this.#number(bytes, end, DOT);
    const milliseconds = this.#number(bytes, end, COLON);
    const serial = this.#number(bytes, end, CLOSE);
    if (seconds < 0 || milliseconds < 0 || milliseconds > 999) return false;
    if (serial < 0 || serial > MAX_SERIAL) return false;
    at = this.#at;
    if (at >= end || bytes[at] !== COLON) return false;
    at++;
    if (at < end && bytes[at] === SPACE) at++;
    this.ms = seconds * 1000 + milliseconds;
    this.serial = serial;
    this.body = at;
    return true;
  }

  /** A decimal number up to `mark`, which is passed. */
  #number(bytes: Uint8Array, end: number, mark: number): number {
    const from = this.#at;
    let at = from;
    let value = 0;
    for (; at < end; at++) {
      const digit = (bytes[at] ?? 0) - 0x30;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    if (at === from || at - from > MAX_DIGITS || at >= end || bytes[at] !== mark)
      return NOT_A_NUMBER;
    this.#at = at + 1;
    return value;
  }
}
