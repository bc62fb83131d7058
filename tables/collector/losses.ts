/**
 * What was lost on this side of the kernel's ring: counted once each, though a collector that is killed makes
 * its successor read records again. The counts are written together with the position of the record in one
 * small write, which no kill divides: what ends at or before that position is dealt with.
 *
 * Layout, little endian: u32 crc of all that follows, u32 zero, u64 epoch, u64 position, u64 for each name.
 */
import fs from 'node:fs';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import type { RingWriter } from '../ring/writer.ts';

/** Add at the end only. */
const NAMES = ['lost_decode', 'lost_store'] as const;
export type Loss = (typeof NAMES)[number];

const LAYOUT = { crc: 0, epoch: 8, position: 16, counts: 24, size: 24 + 8 * NAMES.length } as const;

export class Losses {
  readonly #writer: RingWriter;
  readonly #fd: number;
  readonly #bytes = Buffer.alloc(LAYOUT.size);
  readonly #counts = new Map<Loss, number>(NAMES.map((name) => [name, 0]));
  #epoch = 0n;
  #position = 0;

  constructor(directory: string, table: string, writer: RingWriter) {
    this.#writer = writer;
    const { O_RDWR, O_CREAT, O_NOFOLLOW } = fs.constants;
    const file = path.join(directory, `${table}.lost`);
    this.#fd = fs.openSync(file, O_RDWR | O_CREAT | O_NOFOLLOW, 0o600);
  }

  /** What was counted before in this epoch, which the ring file has begun, goes on; in a new one nothing was. */
  resume(epoch: bigint): void {
    this.#epoch = epoch;
    for (const name of NAMES) this.#counts.set(name, 0);
    const read = fs.readSync(this.#fd, this.#bytes, 0, LAYOUT.size, 0);
    const known = read === LAYOUT.size && this.#bytes.readUInt32LE(LAYOUT.crc) === this.#crc();
    if (!known || this.#bytes.readBigUInt64LE(LAYOUT.epoch) !== epoch) {
      this.#write(0); // it has its place now, also when the disk is full later
      return;
    }
    this.#position = Number(this.#bytes.readBigUInt64LE(LAYOUT.position));
    for (const [i, name] of NAMES.entries())
      this.#counts.set(name, Number(this.#bytes.readBigUInt64LE(LAYOUT.counts + 8 * i)));
    this.#publish();
  }

  /** Up to here all is dealt with. */
  get position(): number {
    return this.#position;
  }

  /** @param end position behind the record that completed the event, or made no sense */
  count(name: Loss, end: number): void {
    this.#writer.publish(); // what came before it is stored
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
    this.#write(end);
    this.#publish();
  }

  #write(position: number): void {
    const bytes = this.#bytes;
    bytes.writeBigUInt64LE(this.#epoch, LAYOUT.epoch);
    bytes.writeBigUInt64LE(BigInt(position), LAYOUT.position);
    for (const [i, name] of NAMES.entries())
      bytes.writeBigUInt64LE(BigInt(this.#counts.get(name) ?? 0), LAYOUT.counts + 8 * i);
    bytes.writeUInt32LE(this.#crc(), LAYOUT.crc);
    this.#position = position;
    try {
      fs.writeSync(this.#fd, bytes, 0, LAYOUT.size, 0);
    } catch {
      // A disk that was full from the beginning: only a kill now would make a count inexact.
    }
  }

  #crc(): number {
    return crc32(this.#bytes.subarray(LAYOUT.epoch));
  }

  #publish(): void {
    for (const [name, count] of this.#counts) this.#writer.setTotal(name, count);
  }

  close(): void {
    fs.closeSync(this.#fd);
  }
}
