/** Find a ring to write: the one that is there if it is sound, else a new one. */
import { closeSync, fstatSync } from 'node:fs';
import type { TableSpec } from '../../extension/sdk/spec.ts';
import { LiveAuditError } from '../../native/errors.ts';
import { Mapping, PROT_READ, PROT_WRITE } from '../../native/libc.ts';
import type { RowCodec } from './codec.ts';
import { decodeHeader, encodeHeader, type Header } from './header.ts';
import { HEADER, HEADER_BYTES, LEDGER, LEDGER_NAMES, Views } from './layout.ts';
import { type Recovered, recover } from './recover.ts';
import { createRing, openRing, readPage, type SetAside, setRingAside } from './ring-file.ts';

/** An eid of a ring set aside is carried on only if it is no further ahead of the clock than this. */
const MAX_CLOCK_STEP_US = 10 * 366 * 86_400e6;
const EVENTS_STORED = LEDGER + 8 * LEDGER_NAMES.indexOf('events_stored');

export interface Opened {
  readonly fd: number;
  readonly map: Mapping;
  readonly header: Header;
  readonly state: Recovered;
  readonly setAside: (SetAside & { readonly reason: string }) | null;
}

/**
 * @param path of the ring file
 * @param capacity bytes of the data area
 * @throws LiveAuditError RING_UNSAFE, RING_BUSY, RING_IO
 */
export function openOrCreate(
  path: string,
  spec: TableSpec,
  capacity: number,
  codec: RowCodec,
): Opened {
  const old = openRing(path);
  let setAside: Opened['setAside'] = null;
  let firstEid = Date.now() * 1000;
  if (old !== null) {
    const verdict = judge(old, spec, capacity, codec);
    if ('map' in verdict) return { ...verdict, fd: old, setAside: null };
    try {
      setAside = { ...setRingAside(path, verdict.kind), reason: verdict.reason };
    } finally {
      closeSync(old);
    }
    // The clock may have gone back since the old ring began.
    if (verdict.nextEid < firstEid + MAX_CLOCK_STEP_US) {
      firstEid = Math.max(firstEid, verdict.nextEid);
    }
  }
  const header = { capacity, firstEid };
  const fd = createRing(path, encodeHeader(spec, header), capacity);
  const state = { head: 0, tail: 0, oldestEid: firstEid, nextEid: firstEid, lastSource: -1 };
  return { fd, map: mapRing(fd, path, capacity), header, state, setAside };
}

interface Refused {
  readonly kind: 'corrupt' | 'old';
  readonly reason: string;
  /** The eid that it would have given next, as far as that can be read. */
  readonly nextEid: number;
}

function judge(
  fd: number,
  spec: TableSpec,
  capacity: number,
  codec: RowCodec,
): Pick<Opened, 'map' | 'header' | 'state'> | Refused {
  const first = readPage(fd);
  const nextEid = probableNextEid(first);
  const header = decodeHeader(first, fstatSync(fd).size, spec);
  if ('kind' in header) return { ...header, nextEid };
  const map = mapRing(fd, spec.name, header.capacity);
  const page = new Views(map.buffer, 0, HEADER_BYTES);
  const state = recover(page, new Views(map.buffer, HEADER_BYTES), header, codec);
  if (typeof state !== 'string' && header.capacity === capacity) return { map, header, state };
  map.close();
  if (typeof state === 'string') return { kind: 'corrupt', reason: state, nextEid };
  const reason = `capacity ${header.capacity}, now ${capacity}`;
  return { kind: 'old', reason, nextEid };
}

/** Only a guess where the page is damaged: the caller bounds it. */
function probableNextEid(page: Buffer): number {
  if (page.length < HEADER_BYTES) return 0;
  return Number(page.readBigUInt64LE(HEADER.firstEid) + page.readBigUInt64LE(EVENTS_STORED));
}

function mapRing(fd: number, path: string, capacity: number): Mapping {
  try {
    return new Mapping(fd, HEADER_BYTES + capacity, PROT_READ | PROT_WRITE);
  } catch (error) {
    closeSync(fd);
    throw new LiveAuditError('RING_IO', `${path}: ${(error as Error).message}`, { cause: error });
  }
}
