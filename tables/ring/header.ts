/** The constant part of the header page: made, and judged. */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { TableSpec } from '../../extension/sdk/spec.ts';
import { HEADER, HEADER_BYTES, isCapacity, LAYOUT_VERSION, MAGIC, TABLE_BYTES } from './layout.ts';

export interface Header {
  readonly capacity: number;
  readonly firstEid: number;
}

/** Why a file is no ring of ours: it is damaged, or it is sound but of another layout or spec. */
export interface HeaderProblem {
  readonly kind: 'corrupt' | 'old';
  readonly reason: string;
}

/** SHA-256 of the stored columns, name and type in order: 32 bytes. */
export function specHash(spec: TableSpec): Buffer {
  const hash = createHash('sha256');
  for (const { name, type } of spec.columns) hash.update(`${name} ${type}\n`);
  return hash.digest();
}

/** The header page of a new, empty ring. */
export function encodeHeader(spec: TableSpec, { capacity, firstEid }: Header): Buffer {
  const page = Buffer.alloc(HEADER_BYTES);
  page.write(MAGIC, HEADER.magic, 'latin1');
  page.writeUInt32LE(LAYOUT_VERSION, HEADER.version);
  page.writeBigUInt64LE(BigInt(capacity), HEADER.capacity);
  page.writeBigUInt64LE(BigInt(firstEid), HEADER.firstEid);
  specHash(spec).copy(page, HEADER.specHash);
  page.write(spec.name, HEADER.table, TABLE_BYTES);
  page.writeUInt32LE(crc32(page.subarray(0, HEADER.crc)), HEADER.crc);
  return page;
}

/**
 * Read the header of a file of `fileBytes` bytes.
 * @param page the first bytes of the file: at most HEADER_BYTES, fewer where the file is shorter
 */
export function decodeHeader(
  page: Buffer,
  fileBytes: number,
  spec: TableSpec,
): Header | HeaderProblem {
  const corrupt = (reason: string): HeaderProblem => ({ kind: 'corrupt', reason });
  if (page.length < HEADER_BYTES) return corrupt(`only ${page.length} bytes`);
  if (page.toString('latin1', HEADER.magic, MAGIC.length) !== MAGIC) return corrupt('bad magic');
  const version = page.readUInt32LE(HEADER.version);
  // Another version may have another header: nothing after the version is known.
  if (version !== LAYOUT_VERSION) return { kind: 'old', reason: `layout version ${version}` };
  if (page.readUInt32LE(HEADER.crc) !== crc32(page.subarray(0, HEADER.crc))) {
    return corrupt('bad header checksum');
  }
  const capacity = Number(page.readBigUInt64LE(HEADER.capacity));
  const firstEid = Number(page.readBigUInt64LE(HEADER.firstEid));
  if (!isCapacity(capacity)) return corrupt(`capacity ${capacity}`);
  if (fileBytes !== HEADER_BYTES + capacity) {
    return corrupt(`${fileBytes} bytes instead of ${HEADER_BYTES + capacity}`);
  }
  if (!Number.isSafeInteger(firstEid) || firstEid < 1) return corrupt(`first eid ${firstEid}`);
  const table = page.toString('utf8', HEADER.table, HEADER.table + TABLE_BYTES).replace(/\0+$/, '');
  if (table !== spec.name) return { kind: 'old', reason: `of table ${JSON.stringify(table)}` };
  if (!page.subarray(HEADER.specHash, HEADER.specHash + 32).equals(specHash(spec))) {
    return { kind: 'old', reason: 'other columns' };
  }
  return { capacity, firstEid };
}
