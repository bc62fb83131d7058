/** struct target (bpf/event.h): what a map entry says of a binary, both ways. */
import { TargetLayout } from '../../native/events.ts';

export interface TargetRecord {
  /** Link-time addresses by probe index; 0 where the binary has no such function. */
  readonly probeVaddr: readonly number[];
  /** Link-time addresses by global index; 0 where the binary has no such variable. */
  readonly symbolVaddr: readonly number[];
  /** File offsets by probe index. */
  readonly probeOffset: readonly number[];
  /** `placesId` of what the config said of its symbols. */
  readonly places: number;
  readonly program: string;
  readonly buildId: string | null;
  readonly inode: string;
  readonly path: string;
  readonly name: string;
}

/** The texts of a record: where they stand, and how long they can be with their NUL. */
const TEXT = {
  program: [TargetLayout.program, TargetLayout.build_id],
  buildId: [TargetLayout.build_id, TargetLayout.inode],
  inode: [TargetLayout.inode, TargetLayout.path],
  path: [TargetLayout.path, TargetLayout.name],
  name: [TargetLayout.name, TargetLayout.size],
} as const;

export function encodeTarget(record: TargetRecord): Buffer {
  const bytes = Buffer.alloc(TargetLayout.size);
  const addresses = (at: number, values: readonly number[]) => {
    for (const [i, value] of values.entries()) bytes.writeBigUInt64LE(BigInt(value), at + 8 * i);
  };
  addresses(TargetLayout.probe_vaddr, record.probeVaddr);
  addresses(TargetLayout.symbol_vaddr, record.symbolVaddr);
  addresses(TargetLayout.probe_offset, record.probeOffset);
  bytes.writeUInt32LE(1, TargetLayout.in_use);
  bytes.writeUInt32LE(record.places, TargetLayout.places);
  for (const key of ['program', 'buildId', 'inode', 'path', 'name'] as const) {
    const [start, end] = TEXT[key];
    bytes.write(record[key] ?? '', start, end - start - 1);
  }
  return bytes;
}

/** @returns null where the slot is free */
export function decodeTarget(bytes: Buffer): TargetRecord | null {
  if (bytes.readUInt32LE(TargetLayout.in_use) === 0) return null;
  const addresses = (at: number, count: number) =>
    Array.from({ length: count }, (_, i) => Number(bytes.readBigUInt64LE(at + 8 * i)));
  const text = ([start, end]: readonly [number, number]) => {
    const field = bytes.subarray(start, end);
    const length = field.indexOf(0);
    return field.toString('utf8', 0, length < 0 ? field.length : length);
  };
  return {
    probeVaddr: addresses(TargetLayout.probe_vaddr, TargetLayout.probes),
    symbolVaddr: addresses(TargetLayout.symbol_vaddr, TargetLayout.symbols),
    probeOffset: addresses(TargetLayout.probe_offset, TargetLayout.probes),
    places: bytes.readUInt32LE(TargetLayout.places),
    program: text(TEXT.program),
    buildId: text(TEXT.buildId) || null,
    inode: text(TEXT.inode),
    path: text(TEXT.path),
    name: text(TEXT.name),
  };
}
