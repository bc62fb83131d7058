/** Parameters of prepared statements: what is sent ahead of an execution, and the execution itself. */
import { toText } from '../events/text.ts';
import { type Packet, wholePacket } from './packets.ts';
import { decodeBulk, decodeExecute, EXECUTE_HEADER } from './parameters.ts';
import { parsedValues } from './parsed-values.ts';
import { parameterCounts } from './placeholders.ts';
import { Command, Known } from './records.ts';
import type { Prepared, Session } from './session.ts';

/** What came with an execution. */
export interface Execution {
  readonly command: number;
  /** Known.BARE_VALUES, Known.PARSED_VALUES */
  readonly known: number;
  readonly packet: Packet | undefined;
  /** Of parsed values: the packet of their bytes. */
  readonly bytes: Packet | undefined;
}

const NO_HEADER = Buffer.alloc(EXECUTE_HEADER);
const NO_VALUES = Buffer.alloc(0);

/** What a statement was executed with, as JSON; null where that is not known. */
export function parametersOf(
  { command, known, packet, bytes }: Execution,
  prepared: Prepared | undefined,
  maxBytes: number,
): string | null {
  if (!prepared) return null;
  const { types, longData, lostLongData } = prepared;
  forgetLongData(prepared);
  const whole = wholePacket(packet);
  if (whole === null || packet?.cut || lostLongData || prepared.cut) return null;
  const binding = { counts: countsOf(prepared), types, longData, maxBytes };
  if ((known & Known.PARSED_VALUES) !== 0) {
    const values = bytes === undefined ? NO_VALUES : wholePacket(bytes);
    return values && parsedValues(whole, values, binding);
  }
  const decode = command === Command.STMT_BULK_EXECUTE ? decodeBulk : decodeExecute;
  const isBare = (known & Known.BARE_VALUES) !== 0;
  const decoded = decode(isBare ? Buffer.concat([NO_HEADER, whole]) : whole, binding);
  if (decoded === null) return null;
  prepared.types = decoded.types;
  return decoded.json;
}

/** The same where the server had no values to look at. */
export function withoutPacket(known: number, prepared: Prepared | undefined): string | null {
  const isWatched = (known & (Known.BARE_VALUES | Known.PARSED_VALUES)) !== 0;
  return isWatched && prepared && countsOf(prepared).includes(0) ? '[]' : null;
}

/** How many parameters it may have. */
export function countsOf(prepared: Prepared): readonly number[] {
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
