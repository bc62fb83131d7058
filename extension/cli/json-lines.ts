/**
 * Rows of a table as JSON, an object a line, written as bytes: strings of lines would be half of all that a million
 * rows cost, for their concatenation and their garbage.
 */
import type { TableSpec, Value } from '../sdk/spec.ts';

/** Written at once. */
const BATCH_BYTES = 256 * 1024;
const MAX_DIGITS_OF_32_BITS = 10;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SPACE = 0x20;
const TILDE = 0x7e;
const ZERO = 0x30;
const NULL = Buffer.from('null');
const END = Buffer.from('}\n');

/** Gets the output in batches, each a buffer of its own. */
export type Write = (bytes: Buffer) => void;

export class JsonOutput {
  readonly #bytes = Buffer.allocUnsafe(BATCH_BYTES);
  readonly #write: Write;
  #length = 0;

  constructor(write: Write) {
    this.#write = write;
  }

  flush(): void {
    if (this.#length > 0) this.#write(Buffer.from(this.#bytes.subarray(0, this.#length)));
    this.#length = 0;
  }

  /** @returns false where a batch has not so much room */
  #fits(length: number): boolean {
    if (this.#length + length > BATCH_BYTES) this.flush();
    return length <= BATCH_BYTES;
  }

  raw(bytes: Uint8Array): void {
    if (!this.#fits(bytes.length)) this.#write(Buffer.from(bytes));
    else {
      // Short ones are quicker by hand than by a call of `set`.
      for (let i = 0; i < bytes.length; i++) this.#bytes[this.#length + i] = bytes[i] ?? 0;
      this.#length += bytes.length;
    }
  }

  value(value: Value): void {
    if (typeof value === 'string') this.#text(value);
    else if (value === null) this.raw(NULL);
    else if (typeof value === 'number' && value === value >>> 0) this.#digits(value);
    else this.raw(Buffer.from(String(value)));
  }

  #digits(value: number): void {
    this.#fits(MAX_DIGITS_OF_32_BITS);
    let digits = 1;
    for (let limit = 10; value >= limit; limit *= 10) digits++;
    this.#length += digits;
    let at = this.#length;
    do {
      const rest = Math.floor(value / 10);
      this.#bytes[--at] = ZERO + value - rest * 10;
      value = rest;
    } while (value > 0);
  }

  #text(value: string): void {
    if (!this.#fits(value.length + 2) || !this.#plain(value))
      this.raw(Buffer.from(JSON.stringify(value)));
  }

  /** @returns false, with nothing written, for a text of more than printable ASCII without quote and backslash */
  #plain(value: string): boolean {
    const bytes = this.#bytes;
    let at = this.#length;
    bytes[at++] = QUOTE;
    for (let i = 0; i < value.length; i++) {
      const unit = value.charCodeAt(i);
      if (unit < SPACE || unit > TILDE || unit === QUOTE || unit === BACKSLASH) return false;
      bytes[at++] = unit;
    }
    bytes[at++] = QUOTE;
    this.#length = at;
    return true;
  }
}

/** Rows of one table; before the columns is the table's name. `eid` counts them. */
export class JsonLines {
  readonly #output: JsonOutput;
  /** What is written before each column's value. */
  readonly #before: readonly Buffer[];
  readonly #eid: number;
  #count = 0;

  constructor({ name: table, columns }: TableSpec, output: JsonOutput) {
    this.#output = output;
    this.#eid = columns.findIndex(({ name }) => name === 'eid');
    this.#before = columns.map(({ name }, i) =>
      Buffer.from(`${i === 0 ? `{"table":${JSON.stringify(table)}` : ''},${JSON.stringify(name)}:`),
    );
  }

  add(row: readonly Value[]): void {
    const output = this.#output;
    this.#count++;
    for (let i = 0; i < this.#before.length; i++) {
      output.raw(this.#before[i] ?? END);
      output.value(i === this.#eid ? this.#count : (row[i] ?? null));
    }
    output.raw(END);
  }
}
