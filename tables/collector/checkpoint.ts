/**
 * What an assembler holds of events that are not whole, so that the next collector can go on with them.
 * Two files are written in turns; the newer one that is whole counts. Written before the kernel gets the
 * records' room back, so nothing is only in the memory of a process that may be killed.
 *
 * Layout, little endian: magic, u32 crc of all that follows, u64 sequence, u64 epoch, u64 position in the
 * kernel's ring, then the state as V8 serialises it.
 */
import fs from 'node:fs';
import path from 'node:path';
import { deserialize, serialize } from 'node:v8';
import { crc32 } from 'node:zlib';

const MAGIC = 0x4350_414c; // LAPC
const HEADER = { magic: 0, crc: 4, sequence: 8, epoch: 16, position: 24, size: 32 } as const;
const SLOTS = 2;

export interface Checkpoint {
  /** Which kernel ring the position is of. */
  readonly epoch: bigint;
  /** Behind the last record that went into the state. */
  readonly position: number;
  readonly state: unknown;
}

export class CheckpointFile {
  readonly #fds: number[];
  #sequence = 0n;

  /** @param file path without the slot's number */
  constructor(directory: string, table: string) {
    const { O_RDWR, O_CREAT, O_NOFOLLOW } = fs.constants;
    this.#fds = Array.from({ length: SLOTS }, (_, slot) =>
      fs.openSync(
        path.join(directory, `${table}.open.${slot}`),
        O_RDWR | O_CREAT | O_NOFOLLOW,
        0o600,
      ),
    );
  }

  /** The newest whole one, or null. */
  read(): Checkpoint | null {
    let newest: Checkpoint | null = null;
    for (const fd of this.#fds) {
      const found = decode(readAll(fd));
      if (!found || (newest && found.sequence < this.#sequence)) continue;
      newest = found;
      this.#sequence = found.sequence;
    }
    return newest;
  }

  write({ epoch, position, state }: Checkpoint): void {
    this.#sequence++;
    const header = Buffer.alloc(HEADER.size);
    const payload = serialize(state);
    header.writeUInt32LE(MAGIC, HEADER.magic);
    header.writeBigUInt64LE(this.#sequence, HEADER.sequence);
    header.writeBigUInt64LE(epoch, HEADER.epoch);
    header.writeBigUInt64LE(BigInt(position), HEADER.position);
    const crc = crc32(payload, crc32(header.subarray(HEADER.sequence)));
    header.writeUInt32LE(crc, HEADER.crc);
    const fd = this.#fds[Number(this.#sequence % BigInt(SLOTS))] ?? -1;
    const written = fs.writevSync(fd, [header, payload], 0);
    if (written !== header.length + payload.length) throw new Error('ENOSPC: a checkpoint was cut');
    fs.ftruncateSync(fd, written);
  }

  close(): void {
    for (const fd of this.#fds.splice(0)) fs.closeSync(fd);
  }
}

function readAll(fd: number): Buffer {
  const { size } = fs.fstatSync(fd);
  const bytes = Buffer.alloc(size);
  return bytes.subarray(0, fs.readSync(fd, bytes, 0, size, 0));
}

function decode(bytes: Buffer): (Checkpoint & { sequence: bigint }) | null {
  if (bytes.length < HEADER.size || bytes.readUInt32LE(HEADER.magic) !== MAGIC) return null;
  if (crc32(bytes.subarray(HEADER.sequence)) !== bytes.readUInt32LE(HEADER.crc)) return null;
  try {
    return {
      sequence: bytes.readBigUInt64LE(HEADER.sequence),
      epoch: bytes.readBigUInt64LE(HEADER.epoch),
      position: Number(bytes.readBigUInt64LE(HEADER.position)),
      state: deserialize(bytes.subarray(HEADER.size)),
    };
  } catch {
    return null; // of another version of V8
  }
}
