/** What the assembler knows of one connection, by its THD. */
import { u64 } from '../../native/events.ts';
import { type Cell, SharedWhile } from '../event.ts';
import { textCell } from '../events/text.ts';
import { ErrorLayout, IdentityLayout, textIn } from './records.ts';
import type { LongData } from './values.ts';

/** A text that was prepared. */
export interface Prepared {
  /** At most as much as is stored. */
  readonly bytes: Buffer;
  /** Length of the whole text, bytes. */
  readonly length: number;
  readonly cut: boolean;
  /** As it is stored; null until it is. */
  cell: Cell;
  /** How many parameters it may have; found when it is executed first. */
  counts: readonly number[] | null;
  /** Types of the parameters as they were sent last. */
  types: Buffer | null;
  /** What was sent ahead for the next execution, by number of the parameter. */
  longData: Map<number, LongData> | null;
  /** A piece of that was lost. */
  lostLongData: boolean;
}

export const newPrepared = (bytes: Buffer, length: number, cut: boolean): Prepared => ({
  ...{ bytes, length, cut, cell: null, counts: null, types: null },
  ...{ longData: null, lostLongData: false },
});

/** What mysql_error says. */
export interface ServerError {
  readonly code: number;
  readonly sqlstate: Cell;
  readonly message: Buffer;
}

/** What mysql_identity says; NULL is not known. */
export interface Identity {
  readonly number: number;
  readonly user: Cell;
  readonly host: Cell;
  readonly database: Cell;
  readonly version: Cell;
  readonly flavor: string | null;
  /** Of the server. */
  readonly container: Cell;
}

export interface Session {
  readonly tgid: number;
  readonly thd: number;
  /** When the server began, CLOCK_BOOTTIME ns; 0: not known. */
  server: number;
  connectionId: number | null;
  /** When a statement told which connection it is, CLOCK_BOOTTIME ns. */
  since: number;
  /** Who it has been since the last statement that came: each statement names its own. */
  identities: readonly Identity[];
  /** By statement id; null where nothing was prepared. */
  prepared: Map<number, Prepared> | null;
  lastPrepared: number;
  /** Number of the packet that comes next, with a piece of a parameter; 0: none. */
  longData: number;
  /** Of the statement whose record comes next. */
  error: ServerError | null;
  /** What its rows have in common while it is one identity, at a server of one binary. */
  readonly shared: SharedWhile;
}

export const newSession = (tgid: number, thd: number): Session => ({
  ...{ tgid, thd, server: 0, connectionId: null, since: 0, identities: [] },
  ...{ prepared: null, lastPrepared: 0, longData: 0, error: null, shared: new SharedWhile() },
});

/**
 * Whether it is this connection of this server. Where only statements have told of it so far, they must be younger
 * than the server: its process id may have been another's before.
 */
export const isOf = (session: Session, server: number, connectionId: number): boolean =>
  session.connectionId === connectionId &&
  (session.server === 0 ? session.since >= server : session.server === server);

/** A collector that begins is told of more than one: those before it and that of its own. */
const MAX_IDENTITIES = 8;

/** When it was told who it is, at the latest: a number of an identity; 0: not yet. */
export const lastIdentity = ({ identities }: Session): number =>
  identities.reduce((last, { number }) => Math.max(last, number), 0);

export function addIdentity(session: Session, identity: Identity): void {
  const others = session.identities.filter(({ number }) => number !== identity.number);
  session.identities = [...others, identity]
    .sort((a, b) => a.number - b.number)
    .slice(-MAX_IDENTITIES);
}

/** The identity that a statement names; those before it are over. */
export function identityOf(session: Session, number: number): Identity | null {
  const [first = null] = session.identities;
  if (first?.number === number) return first; // nearly always
  const found = session.identities.find((identity) => identity.number === number) ?? null;
  if (found) session.identities = session.identities.filter((it) => it.number >= number);
  return found;
}

const NONE = 2;

/** @param container that the server runs in */
export function readIdentity(
  bytes: Buffer,
  view: DataView,
  at: number,
  container: string | null,
): Identity {
  const text = (flag: number, from: number, size: number): Buffer | null =>
    view.getUint16(at + flag, true) === 1
      ? Buffer.from(textIn(bytes, at + from, size)) // the record's memory does not last
      : null;
  const { has_user, has_host, has_db, has_version, user, host, db, version, size } = IdentityLayout;
  const cell = (bytes: Buffer | null): Cell => bytes && textCell(bytes);
  const serverVersion = text(has_version, version, size - version);
  return {
    number: u64(view, at + IdentityLayout.identity),
    user: cell(text(has_user, user, host - user)),
    host: cell(text(has_host, host, db - host)),
    database:
      view.getUint16(at + has_db, true) === NONE ? null : cell(text(has_db, db, version - db)),
    version: cell(serverVersion),
    flavor: serverVersion && (serverVersion.includes('MariaDB') ? 'mariadb' : 'mysql'),
    container,
  };
}

const SQLSTATE_BYTES = 5;

export function readError(bytes: Buffer, view: DataView, at: number): ServerError {
  const { error_code, sqlstate, message, size } = ErrorLayout;
  const state = Buffer.from(textIn(bytes, at + sqlstate, message - sqlstate));
  return {
    code: view.getUint32(at + error_code, true),
    sqlstate: state.length === SQLSTATE_BYTES ? textCell(state) : null,
    message: Buffer.from(textIn(bytes, at + message, size - message)),
  };
}

/** MariaDB: the statement that was prepared last on this connection. */
const LAST_STATEMENT = 0xffff_ffff;

/** The id of the prepared statement that a client means. */
export const statementId = (session: Session, id: number): number =>
  id === LAST_STATEMENT ? session.lastPrepared : id;
