/** A packet without the secrets in it: for the checkpoint, which is a file. Its text keeps its length. */
import type { Redactor } from '../redact/redactor.ts';
import type { Packet } from './packets.ts';

/** COM_STMT_EXECUTE, …_BULK_EXECUTE and …_SEND_LONG_DATA begin with numbers, of which one has a zero byte. */
const HEADER_BYTES = 9;

/**
 * Which of the values of an execution are secret is not known before its statement: they are left out, and
 * after a collector that ended in between its parameters are NULL.
 */
export function masked(packet: Packet, redactor: Redactor): Packet {
  const text = Buffer.concat(packet.chunks);
  if (text.subarray(0, HEADER_BYTES).includes(0)) return { ...packet, chunks: [], failed: true };
  return { ...packet, chunks: [redactor.mask(text)] };
}
