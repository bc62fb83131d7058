/** Parameters of prepared statements: what is sent ahead of an execution, and the execution itself. */
import { toText } from '../events/text.ts';
import { type Packet, wholePacket } from './packets.ts';
import { decodeBulk, decodeExecute, type LongData } from './parameters.ts';
import { parameterCounts } from './placeholders.ts';
import { Command } from './records.ts';
import { type Prepared, type Session, statementId } from './session.ts';

/** COM_STMT_SEND_LONG_DATA: statement id (4 bytes), number of the parameter (2), a piece of it. */
const LongDataPacket = { statement: 0, parameter: 4, piece: 6 } as const;

/** What a statement was executed with, as JSON; null where that is not known. */
export function parametersOf(
  command: number,
  packet: Packet | undefined,
  prepared: Prepared | undefined,
  maxBytes: number,
): string | null {
  if (!prepared) return null;
  const { types, longData, lostLongData } = prepared;
  forgetLongData(prepared);
  const bytes = wholePacket(packet);
  if (bytes === null || packet?.cut || lostLongData || prepared.cut) return null;
  const counts = countsOf(prepared);
  const decode = command === Command.STMT_BULK_EXECUTE ? decodeBulk : decodeExecute;
  const decoded = decode(bytes, { counts, types, longData, maxBytes });
  if (decoded === null) return null;
  prepared.types = decoded.types;
  return decoded.json;
}

/** A piece of a parameter begins to come: the packet of this number. */
export function expectLongData(session: Session, number: number): void {
  if (session.longData !== 0) loseLongData(session); // the one before it never came whole
  session.longData = number;
}

/** The packet that was expected is there. */
export function addLongData(session: Session, packet: Packet, maxBytes: number): void {
  session.longData = 0;
  const bytes = wholePacket(packet);
  if (bytes === null || bytes.length < LongDataPacket.piece) {
    loseLongData(session);
    return;
  }
  const prepared = session.prepared?.get(
    statementId(session, bytes.readUInt32LE(LongDataPacket.statement)),
  );
  const parameter = bytes.readUInt16LE(LongDataPacket.parameter);
  if (!prepared || parameter >= Math.max(...countsOf(prepared))) return;
  prepared.longData ??= new Map<number, LongData>();
  const data = prepared.longData.get(parameter) ?? { pieces: [], length: 0, kept: 0 };
  prepared.longData.set(parameter, data);
  data.length += packet.total - LongDataPacket.piece;
  if (data.kept + bytes.length > maxBytes) return;
  data.pieces.push(Buffer.from(bytes.subarray(LongDataPacket.piece)));
  data.kept += bytes.length - LongDataPacket.piece;
}

function countsOf(prepared: Prepared): readonly number[] {
  prepared.counts ??= parameterCounts(toText(prepared.bytes));
  return prepared.counts;
}

export function forgetLongData(prepared: Prepared): void {
  prepared.longData = null;
  prepared.lostLongData = false;
}

/** It is not known which statement it was for. */
export function loseLongData(session: Session): void {
  session.longData = 0;
  for (const prepared of session.prepared?.values() ?? []) prepared.lostLongData = true;
}
