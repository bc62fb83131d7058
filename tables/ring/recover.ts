/** What a new writer believes of a ring that another left behind: everything is checked first. */
import type { RowCodec } from './codec.ts';
import { epochProblem } from './epoch.ts';
import { eidAt, frameLength, isClosed, isPad, sourceAt } from './frame.ts';
import type { Header } from './header.ts';
import { HEAD, LEDGER, LEDGER_NAMES, maxRecordBytes, TAIL, type Views } from './layout.ts';

export interface Recovered {
  readonly head: number;
  readonly tail: number;
  /** The eid of the oldest record, `nextEid` where there is none. */
  readonly oldestEid: number;
  readonly nextEid: number;
  /** The source of the newest record, -1 where there is none. */
  readonly lastSource: number;
}

/** Why the two positions cannot be right, or null. */
export function positionProblem(head: number, tail: number, capacity: number): string | null {
  if (!Number.isSafeInteger(head) || head < 0 || head % 8 !== 0) return `head ${head}`;
  if (!Number.isSafeInteger(tail) || tail < 0 || tail % 8 !== 0) return `tail ${tail}`;
  if (tail > head || head - tail > capacity) return `tail ${tail} and head ${head}`;
  // A record is at most a quarter of the ring, so appending never drops the last one.
  if (tail === head && head !== 0) return `no record before head ${head}`;
  return null;
}

/**
 * Walk the whole chain of records from tail to head.
 * @param page the header page, @param data the data area
 * @returns the positions to go on from, or one line that says what is broken
 */
export function recover(
  page: Views,
  data: Views,
  header: Header,
  codec: RowCodec,
): Recovered | string {
  const head = Number(page.i64[HEAD / 8]);
  const tail = Number(page.i64[TAIL / 8]);
  const { capacity, firstEid } = header;
  const problem = positionProblem(head, tail, capacity);
  if (problem !== null) return problem;
  for (let i = 0; i < LEDGER_NAMES.length; i++) {
    const count = Number(page.i64[LEDGER / 8 + i]);
    if (!Number.isSafeInteger(count) || count < 0) return `${LEDGER_NAMES[i]} is ${count}`;
  }
  let oldestEid: number | undefined;
  let nextEid = firstEid;
  let lastSource = -1;
  let endsInRecord = true;
  for (let position = tail; position < head; ) {
    const at = position % capacity;
    const room = Math.min(head - position, capacity - at, maxRecordBytes(capacity));
    const length = frameLength(data, at, room);
    if (length === 0 || !isClosed(data, at, length)) return `bad frame at position ${position}`;
    endsInRecord = !isPad(data, at);
    if (endsInRecord) {
      const eid = eidAt(data, at);
      if (!Number.isSafeInteger(eid) || eid < firstEid) return `eid ${eid} at position ${position}`;
      if (oldestEid === undefined) oldestEid = eid;
      else if (eid !== nextEid) return `eid ${eid} after ${nextEid - 1}`;
      if (!codec.isSound(data, at, length)) return `bad record ${eid}`;
      lastSource = sourceAt(data, at);
      if (!Number.isSafeInteger(lastSource) || lastSource < 0)
        return `source ${lastSource} of record ${eid}`;
      nextEid = eid + 1;
    } else if (at + length !== capacity) return `pad inside at position ${position}`;
    position += length;
  }
  if (!endsInRecord) return 'a pad before head';
  if (tail === 0 && oldestEid !== undefined && oldestEid !== firstEid)
    return `first eid ${oldestEid}`;
  const wrong = epochProblem(page, firstEid, nextEid);
  if (wrong !== null) return wrong;
  return { head, tail, oldestEid: oldestEid ?? nextEid, nextEid, lastSource };
}
