/** Parameters that are sent ahead of an execution, in pieces: each is a record, and the packet of its number. */
import { RecordHeader } from '../../native/events.ts';
import { countsOf, loseLongData } from './executions.ts';
import { type Packet, wholePacket } from './packets.ts';
import { LongDataLayout } from './records.ts';
import { type Session, statementId } from './session.ts';
import type { LongData } from './values.ts';

/** COM_STMT_SEND_LONG_DATA: statement id (4 bytes), number of the parameter (2), a piece of it. */
const LongDataPacket = { statement: 0, parameter: 4, piece: 6 } as const;

/** Packets whose records were lost are not waited for without end. */
const MAX_EXPECTED = 4096;

/** A piece of a parameter that comes: the packet of its number. */
interface ExpectedPiece {
  readonly session: Session;
  readonly number: number;
  /** Which it is of; null: the packet says it. */
  readonly of: { readonly statement: number; readonly parameter: number } | null;
}

export class Pieces {
  readonly #expected = new Map<number, ExpectedPiece>();
  readonly #maxBytes: number;

  /** @param maxBytes of a parameter that are kept */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** A piece begins to come: the record says which. */
  expect(session: Session, view: DataView, offset: number): void {
    const number = view.getUint32(offset + RecordHeader.seq, true);
    const isBare = view.getUint32(offset + LongDataLayout.is_bare, true) !== 0;
    const of = isBare
      ? {
          statement: view.getUint32(offset + LongDataLayout.statement_id, true),
          parameter: view.getUint32(offset + LongDataLayout.parameter, true),
        }
      : null;
    this.#expected.delete(session.longData);
    if (session.longData !== 0) loseLongData(session); // the one before it never came whole
    session.longData = number;
    this.#expected.set(number, { session, number, of });
    const [oldest] = this.#expected.keys();
    if (this.#expected.size > MAX_EXPECTED && oldest !== undefined) this.#expected.delete(oldest);
  }

  /** @returns whether the packet was a piece */
  take(number: number, packet: Packet): boolean {
    const piece = this.#expected.get(number);
    if (!piece) return false;
    this.#expected.delete(number);
    if (piece.session.longData === number) addPiece(piece, packet, this.#maxBytes);
    return true;
  }
}

/** The packet that was expected is there. */
function addPiece({ session, of }: ExpectedPiece, packet: Packet, maxBytes: number): void {
  session.longData = 0;
  const bytes = wholePacket(packet);
  if (bytes === null || (of === null && bytes.length < LongDataPacket.piece)) {
    loseLongData(session);
    return;
  }
  const head = of === null ? LongDataPacket.piece : 0;
  const statement = of?.statement ?? bytes.readUInt32LE(LongDataPacket.statement);
  const parameter = of?.parameter ?? bytes.readUInt16LE(LongDataPacket.parameter);
  const prepared = session.prepared?.get(statementId(session, statement));
  if (!prepared || parameter >= Math.max(...countsOf(prepared))) return;
  prepared.longData ??= new Map<number, LongData>();
  const data = prepared.longData.get(parameter) ?? { pieces: [], length: 0, kept: 0 };
  prepared.longData.set(parameter, data);
  data.length += packet.total - head;
  if (data.kept + bytes.length > maxBytes) return;
  data.pieces.push(Buffer.from(bytes.subarray(head)));
  data.kept += bytes.length - head;
}
