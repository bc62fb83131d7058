/** Cells of a row: what came of a statement, and who asked. */
import { RecordHeader, u64 } from '../../native/events.ts';
import { type Cell, placesOf, type Shared } from '../event.ts';
import { Known, StatementLayout } from './records.ts';
import type { Identity, Session } from './session.ts';
import { spec } from './spec.ts';
import { NOT_CAPTURED, returnCode, statusName } from './status.ts';

const at = placesOf(spec);

/** @param target the binary of the statement's probes */
export function putOutcome(
  event: Cell[],
  view: DataView,
  offset: number,
  target: { readonly program: string; readonly path: string } | undefined,
): void {
  const known = view.getUint16(offset + StatementLayout.known, true);
  const ended = (known & Known.RETURN_CODE) !== 0;
  const returned = view.getInt32(offset + StatementLayout.return_code, true);
  const code = ended ? returnCode(returned, target?.program) : NOT_CAPTURED;
  const error = view.getUint32(offset + StatementLayout.error_code, true);
  const isTold = error !== 0 || (ended && (known & Known.ERROR) !== 0);
  event[at.status] = statusName(code);
  event[at.return_code] = code;
  event[at.error_code] = isTold ? error : null;
  event[at.rows_sent] =
    (known & Known.ROWS_SENT) !== 0 ? u64(view, offset + StatementLayout.rows_sent) : null;
  event[at.rows_affected] =
    (known & Known.ROWS_AFFECTED) !== 0 ? u64(view, offset + StatementLayout.rows_affected) : null;
  event[at.duration] =
    u64(view, offset + RecordHeader.time) - u64(view, offset + StatementLayout.started);
  event[at.server_path] = target?.path ?? null;
}

/** What is the same for all rows of an identity, and what is computed when it is asked for. */
const OF_IDENTITY: readonly number[] = [
  ...[at.pid, at.user, at.host, at.database, at.flavor, at.server_path, at.server_version],
  ...[at.container_id, at.fingerprint, at.normalized, at.statement],
];

/** @param path of the server */
export const sharedOf = ({ shared }: Session, identity: Identity | null, path: Cell): Shared =>
  shared.of(identity, path, OF_IDENTITY);

export function putIdentity(event: Cell[], identity: Identity | null): void {
  event[at.user] = identity?.user ?? null;
  event[at.host] = identity?.host ?? null;
  event[at.database] = identity?.database ?? null;
  event[at.flavor] = identity?.flavor ?? null;
  event[at.server_version] = identity?.version ?? null;
  event[at.container_id] = identity?.container ?? null;
}
