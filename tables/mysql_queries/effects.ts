/** Which prepared statement a command is about, and what it changes for the commands that come after it. */
import { forgetLongData } from './executions.ts';
import { Command, Known, STATEMENT_ID_BYTES, StatementLayout } from './records.ts';
import { newPrepared, type Prepared, type Session, statementId } from './session.ts';
import type { Sessions } from './sessions.ts';
import type { Text } from './texts.ts';

/** ER_UNKNOWN_STMT_HANDLER (include/mysqld_error.h): the server has none of that id, whatever we know. */
const UNKNOWN_STATEMENT = 1243;

/** The id of the prepared statement that a command is about, or -1. */
function idAt(session: Session, view: DataView, offset: number): number {
  if (view.getUint32(offset + StatementLayout.text_size, true) < STATEMENT_ID_BYTES) return -1;
  return statementId(session, view.getUint32(offset + StatementLayout.text, true));
}

const errorAt = (view: DataView, offset: number): number =>
  view.getUint32(offset + StatementLayout.error_code, true);

/** The statement that the command is about. */
export function preparedOf(session: Session, view: DataView, offset: number): Prepared | undefined {
  switch (view.getUint8(offset + StatementLayout.command)) {
    case Command.STMT_EXECUTE:
    case Command.STMT_BULK_EXECUTE:
    case Command.STMT_CLOSE:
    case Command.STMT_RESET:
    case Command.STMT_FETCH:
      if (errorAt(view, offset) === UNKNOWN_STATEMENT) return undefined;
      return session.prepared?.get(idAt(session, view, offset));
    default:
      return undefined;
  }
}

/** @param text of the command */
export function afterCommand(
  sessions: Sessions,
  session: Session,
  view: DataView,
  offset: number,
  text: Text,
): void {
  const ok = errorAt(view, offset) === 0;
  switch (view.getUint8(offset + StatementLayout.command)) {
    case Command.STMT_PREPARE: {
      const known = view.getUint16(offset + StatementLayout.known, true);
      if (!ok || (known & Known.STATEMENT_ID) === 0) return;
      const id = view.getUint32(offset + StatementLayout.statement_id, true);
      // Without a text, too: the id is not that of an earlier statement any more.
      sessions.deallocate(session, id);
      if (text.bytes === null || text.length === null) return;
      const copy = newPrepared(Buffer.from(text.bytes), text.length, text.cut);
      sessions.prepare(session, id, copy);
      return;
    }
    case Command.STMT_CLOSE:
      sessions.deallocate(session, idAt(session, view, offset));
      return;
    case Command.STMT_RESET: {
      const prepared = session.prepared?.get(idAt(session, view, offset));
      if (prepared && ok) forgetLongData(prepared);
      return;
    }
    case Command.CHANGE_USER:
    case Command.RESET_CONNECTION:
      if (ok) sessions.forgetPrepared(session);
      return;
  }
}
