/**
 * A record as the kernel sends it: struct nlmsghdr, then the text. The length in the header is without the
 * header itself in older kernels, so it is the datagram that says where the record ends.
 */
import { NetlinkHeader } from '../../native/netlink.ts';
import type { EventAssembler } from './events.ts';

/** Messages below are not records but answers (NLMSG_ERROR, AUDIT_GET …). */
const FIRST_RECORD = 1005;

/** @param now ms on a clock that only goes forward */
export function acceptMessage(
  assembler: EventAssembler,
  bytes: Buffer,
  start: number,
  end: number,
  now: number | null,
): void {
  const at = start + NetlinkHeader.size;
  if (at > end) {
    assembler.unreadable();
    return;
  }
  const type = bytes.readUInt16LE(start + NetlinkHeader.type);
  if (type < FIRST_RECORD) return;
  while (end > at && bytes[end - 1] === 0) end--;
  assembler.accept(type, bytes, at, end, now);
}
