/** Texts that stand one behind the other in memory, to be copied at once: the side that they come from. */

import { WORD } from './slab-pool.ts';

/** Of a run that has not begun: no text goes on from there. */
const NOWHERE = -1;
/** The sign bits of four ASCII characters. */
const NOT_ASCII = 0x8080_8080;
const NO_BYTES = new Uint8Array(0);
const NO_VIEW = new DataView(NO_BYTES.buffer);

export class TextRun {
  /** The place in its row of the first text. */
  cell = 0;
  #bytes: Uint8Array = NO_BYTES;
  #view: DataView = NO_VIEW;
  #start = NOWHERE;
  #end = NOWHERE;

  /** Of all texts, in bytes. */
  get length(): number {
    return this.#end - this.#start;
  }

  /** Goes on up to `end`, if the text there begins where the run ends. */
  extend(bytes: Uint8Array, start: number, end: number): boolean {
    if (start !== this.#end || bytes !== this.#bytes) return false;
    this.#end = end;
    return true;
  }

  begin(bytes: Uint8Array, start: number, end: number, cell: number): void {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    }
    this.#start = start;
    this.#end = end;
    this.cell = cell;
  }

  end(): void {
    this.#start = NOWHERE;
    this.#end = NOWHERE;
  }

  /** @returns whether all of it is ASCII, so that nobody need look at it */
  copyTo(to: DataView, at: number): boolean {
    const from = this.#view;
    const start = this.#start;
    const { length } = this;
    let seen = 0;
    let i = 0;
    for (; i + WORD <= length; i += WORD) {
      to.setBigUint64(at + i, from.getBigUint64(start + i, true), true);
      seen |= from.getUint32(start + i, true) | from.getUint32(start + i + 4, true);
    }
    for (; i < length; i++) {
      const byte = from.getUint8(start + i);
      seen |= byte;
      to.setUint8(at + i, byte);
    }
    return (seen & NOT_ASCII) === 0;
  }

  /** The text of these bytes, counted from the run's beginning. */
  text(from: number, to: number): string {
    return decode(this.#bytes.subarray(this.#start + from, this.#start + to));
  }
}

/** Bytes that are no UTF-8 (a damaged file) are replaced: osquery must be able to log them. */
export const decode = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
