/** The values of one execution, or of one row, as a JSON array of a bounded length. */
import { type Extent, jsonOf } from './binary-values.ts';

/** Brackets and commas are counted with the values. */
const SEPARATOR_BYTES = 1;

/** A parameter that was sent ahead, in pieces. */
export interface LongData {
  readonly pieces: Buffer[];
  /** Bytes sent, and bytes in `pieces`. */
  length: number;
  kept: number;
}

export class Values {
  readonly #parts: string[] = [];
  #room: number;

  constructor(maxBytes: number) {
    this.#room = maxBytes - 2;
  }

  get room(): number {
    return Math.max(this.#room, 0);
  }

  get json(): string {
    return `[${this.#parts.join(',')}]`;
  }

  add(json: string): void {
    this.#parts.push(json);
    this.#room -= Buffer.byteLength(json) + SEPARATOR_BYTES;
  }

  /** @returns false where the bytes are none of the type */
  addBytes(packet: Buffer, { from, to }: Extent, type: number, isUnsigned: boolean): boolean {
    const bytes = packet.subarray(from, to);
    const omitted = `{"length":${bytes.length}}`;
    // No JSON is shorter than the bytes of what can be large.
    const json = bytes.length > this.room ? omitted : jsonOf(bytes, type, isUnsigned);
    if (json === null) return false;
    this.add(Buffer.byteLength(json) > Math.max(this.room, omitted.length) ? omitted : json);
    return true;
  }

  addLong({ pieces, length, kept }: LongData, type: number): void {
    if (kept < length) this.add(`{"length":${length}}`);
    else this.addBytes(Buffer.concat(pieces), { from: 0, to: length }, type, false);
  }
}
