/** The text that a statement's record, or the packet that came before it, holds. */
import { RecordFlag, RecordHeader } from '../../native/events.ts';
import type { RecordMemory } from '../events/record-memory.ts';
import { cutText } from '../events/text.ts';
import { type Packets, wholePacket } from './packets.ts';
import { Command, StatementLayout } from './records.ts';
import { partOf } from './text-of.ts';

/** A command's text, as far as it is kept. */
export interface Text {
  readonly bytes: Buffer | null;
  /** Of the whole text, bytes. */
  readonly length: number | null;
  readonly cut: boolean;
}

export const NO_TEXT: Text = { bytes: null, length: null, cut: false };

const lost = (length: number): Text => ({ bytes: null, length, cut: true });

/** Nothing but what servers take off a packet's end. */
const isRest = (packet: Buffer, from: number): boolean =>
  /^[\s;\0]*$/.test(packet.toString('latin1', from));

/** Commands whose packet is a text. */
export function hasText(command: number): boolean {
  switch (command) {
    case Command.QUERY:
    case Command.INIT_DB:
    case Command.FIELD_LIST:
    case Command.CREATE_DB:
    case Command.DROP_DB:
    case Command.STMT_PREPARE:
      return true;
    default:
      return false;
  }
}

/**
 * The text of the statement whose record is at `offset`; its bytes are valid as long as the record's memory, or
 * the packet.
 * @param maxText longest text to keep, bytes
 */
export function textAt(
  memory: RecordMemory,
  packets: Packets,
  view: DataView,
  offset: number,
  maxText: number,
): Text {
  const total = view.getUint32(offset + StatementLayout.packet_size, true);
  const number = view.getUint32(offset + RecordHeader.seq, true);
  if ((view.getUint16(offset + RecordHeader.flags, true) & RecordFlag.READ_FAILED) !== 0)
    return lost(total);
  let bytes: Buffer | null;
  if (number === 0) {
    const size = view.getUint32(offset + StatementLayout.text_size, true);
    bytes = memory.part(view, offset + StatementLayout.text, size);
  } else {
    bytes = wholePacket(packets.get(number));
    if (view.getUint8(offset + StatementLayout.more) === 0) packets.remove(number);
    if (bytes === null) return lost(total);
  }
  const beyond = total - bytes.length;
  const from = view.getUint32(offset + StatementLayout.part_from, true);
  const to = view.getUint32(offset + StatementLayout.part_to, true);
  let length = total;
  if (from > 0 || (to > 0 && !isRest(bytes, to))) {
    bytes = partOf(bytes, from, to);
    length = bytes.length + (to === 0 ? beyond : 0);
  } else if (view.getUint8(offset + StatementLayout.command) === Command.FIELD_LIST) {
    const end = bytes.indexOf(0); // the table, NUL, a wildcard; MySQL 5.7 has them apart
    if (end >= 0) bytes = bytes.subarray(0, end);
    length = bytes.length;
  }
  if (bytes.length > maxText) bytes = cutText(bytes, maxText);
  return { bytes, length, cut: bytes.length < length };
}
