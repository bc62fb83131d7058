/**
 * From records to whole rows, pure (no clock, no files): a statement's record is its row, with what records
 * before it said of its connection, its packet and its error.
 */
import { RecordFlag, RecordHeader } from '../../native/events.ts';
import type { Assembler, World } from '../collector/capture.ts';
import { type Cell, type Event, placesOf } from '../event.ts';
import { RecordMemory } from '../events/record-memory.ts';
import { Seconds } from '../events/seconds.ts';
import { cutText, textCell } from '../events/text.ts';
import { type Packet, Packets, wholePacket } from './packets.ts';
import {
  Command,
  ConnectionLayout,
  commandName,
  ErrorLayout,
  IdentityLayout,
  Known,
  MysqlRecord,
  mysqlRecordType,
  StatementLayout,
  UNREADABLE,
  u64,
} from './records.ts';
import { type Identity, type Prepared, readError, readIdentity, type Session } from './session.ts';
import { Sessions } from './sessions.ts';
import { spec } from './spec.ts';
import { partOf } from './text-of.ts';

/** Goes up whenever what `save` gives changes. */
const STATE_VERSION = 1;

/** How dispatch_command returned (sql_parse.h of MariaDB; MySQL knows the first two). */
const STATUS: Readonly<Record<number, string>> = {
  0: 'SUCCESS',
  1: 'CLOSE_CONNECTION',
  2: 'WOULDBLOCK',
};
const NOT_CAPTURED = -1;

/** MariaDB: the statement that was prepared last on this connection. */
const LAST_STATEMENT = 0xffff_ffff;
const STATEMENT_ID_BYTES = 4;

/** A command's text, as far as it is kept. */
interface Text {
  readonly bytes: Buffer | null;
  readonly length: number | null;
  readonly cut: boolean;
}

const NO_TEXT: Text = { bytes: null, length: null, cut: false };
const LOST_TEXT: Text = { bytes: null, length: null, cut: true };

const at = placesOf(spec);

export class MysqlAssembler implements Assembler {
  readonly #world: World;
  readonly #sessions = new Sessions();
  readonly #packets = new Packets();
  readonly #memory = new RecordMemory();
  readonly #unixSeconds = new Seconds();
  readonly #bootSeconds = new Seconds();
  readonly #event: Cell[] = spec.columns.map(() => null);

  constructor(world: World) {
    this.#world = world;
  }

  get isOpen(): boolean {
    return this.#packets.size > 0;
  }

  get openPids(): Iterable<number> {
    return new Set([...this.#packets.all.values()].map(({ tgid }) => tgid));
  }

  save(): unknown {
    return { version: STATE_VERSION, packets: [...this.#packets.all] };
  }

  restore(state: unknown): void {
    const saved = state as { version?: unknown; packets?: unknown } | null;
    if (saved?.version !== STATE_VERSION || !Array.isArray(saved.packets)) return;
    // The file is ours alone, and its version says that it holds what `save` gave.
    for (const [number, packet] of saved.packets as [number, Packet][])
      this.#packets.restore(number, {
        ...packet,
        chunks: packet.chunks.map((c) => Buffer.from(c)),
      });
  }

  /** A server that is gone: what its threads were at has come as rows; the rest belongs to no row. */
  abandon(tgid: number): null {
    this.#packets.forgetServer(tgid);
    this.#sessions.forgetServer(tgid);
    return null;
  }

  accept(view: DataView, offset: number, length: number): Event | null | 'unreadable' {
    const type = mysqlRecordType(view, offset, length);
    if (type === UNREADABLE) return 'unreadable';
    if (type === MysqlRecord.STATEMENT) return this.#statement(view, offset);
    const tgid = view.getUint32(offset + RecordHeader.tgid, true);
    if (type === MysqlRecord.PACKET) this.#packets.add(this.#memory.bytes(view), view, offset);
    else if (type === MysqlRecord.IDENTITY) this.#identity(tgid, view, offset);
    else if (type === MysqlRecord.ERROR) {
      const session = this.#sessions.open(tgid, u64(view, offset + ErrorLayout.thd));
      session.error = readError(this.#memory.bytes(view), view, offset);
    } else if (type === MysqlRecord.END) {
      const session = this.#sessions.of(tgid, u64(view, offset + ConnectionLayout.thd));
      if (session) this.#sessions.close(session);
    }
    return null;
  }

  #identity(tgid: number, view: DataView, offset: number): void {
    const identity = readIdentity(this.#memory.bytes(view), view, offset);
    const server = u64(view, offset + IdentityLayout.server);
    const connectionId = u64(view, offset + IdentityLayout.connection_id);
    const session = this.#sessions.open(tgid, u64(view, offset + IdentityLayout.thd));
    if (session.server !== server || session.connectionId !== connectionId) {
      // Remembered records come in any order: an old one says nothing.
      if (session.identity && session.identity.number > identity.number) return;
      this.#sessions.renew(session, server, connectionId);
    }
    if (!session.identity || session.identity.number < identity.number) session.identity = identity;
  }

  #session(tgid: number, view: DataView, offset: number, known: number): Session {
    const session = this.#sessions.open(tgid, u64(view, offset + StatementLayout.thd));
    if ((known & Known.CONNECTION) === 0) return session;
    const connectionId = u64(view, offset + StatementLayout.connection_id);
    if (session.connectionId !== connectionId) {
      // Its identity was lost: what we know is of a connection before it.
      if (session.connectionId !== null) this.#sessions.renew(session, 0, connectionId);
      session.connectionId = connectionId;
    }
    return session;
  }

  #statement(view: DataView, offset: number): Event {
    const tgid = view.getUint32(offset + RecordHeader.tgid, true);
    const known = view.getUint16(offset + StatementLayout.known, true);
    const command = view.getUint8(offset + StatementLayout.command);
    const errorCode = view.getUint32(offset + StatementLayout.error_code, true);
    const session = this.#session(tgid, view, offset, known);
    const text = this.#text(view, offset, command, session);
    const number = u64(view, offset + StatementLayout.identity);
    const identity = session.identity?.number === number ? session.identity : null;
    const error = errorCode !== 0 && session.error?.code === errorCode ? session.error : null;
    session.error = null;

    const event = this.#event;
    const started = view.getBigUint64(offset + StatementLayout.started, true);
    const timeNs = started + this.#world.bootToUnix;
    const ended = (known & Known.RETURN_CODE) !== 0;
    const code = ended ? view.getInt32(offset + StatementLayout.return_code, true) : NOT_CAPTURED;
    const target = this.#world.target(view.getUint32(offset + RecordHeader.target, true));
    event[at.time] = this.#unixSeconds.of(timeNs);
    event[at.time_ns] = timeNs;
    event[at.uptime] = this.#bootSeconds.of(started);
    event[at.pid] = tgid;
    event[at.tid] = view.getUint32(offset + StatementLayout.tid, true);
    event[at.connection_id] = (known & Known.CONNECTION) !== 0 ? session.connectionId : null;
    event[at.command] = commandName(command);
    event[at.query] = text.bytes && textCell(this.#pass(text.bytes));
    event[at.query_length] = text.length;
    event[at.truncated] = text.cut ? 1 : 0;
    event[at.status] = ended ? (STATUS[code] ?? String(code)) : 'NOT_CAPTURED';
    event[at.return_code] = code;
    event[at.error_code] =
      errorCode !== 0 || (ended && (known & Known.ERROR) !== 0) ? errorCode : null;
    event[at.sqlstate] = error?.sqlstate ?? null;
    event[at.error] = error?.message ?? null;
    event[at.rows_sent] =
      (known & Known.ROWS_SENT) !== 0 ? u64(view, offset + StatementLayout.rows_sent) : null;
    event[at.rows_affected] =
      (known & Known.ROWS_AFFECTED) !== 0
        ? u64(view, offset + StatementLayout.rows_affected)
        : null;
    event[at.duration] =
      u64(view, offset + RecordHeader.time) - u64(view, offset + StatementLayout.started);
    this.#who(event, identity);
    event[at.server_path] = target?.path ?? null;
    this.#after(view, offset, command, session, text);
    return event;
  }

  #who(event: Cell[], identity: Identity | null): void {
    event[at.user] = identity?.user ?? null;
    event[at.host] = identity?.host ?? null;
    event[at.database] = identity?.database ?? null;
    event[at.flavor] = identity?.flavor ?? null;
    event[at.server_version] = identity?.version ?? null;
  }

  /** Every text goes through here on its way to be stored: the place to redact it. */
  #pass(text: Buffer): Buffer {
    return text;
  }

  #text(view: DataView, offset: number, command: number, session: Session): Text {
    switch (command) {
      case Command.QUERY:
      case Command.INIT_DB:
      case Command.FIELD_LIST:
      case Command.CREATE_DB:
      case Command.DROP_DB:
      case Command.STMT_PREPARE:
        return this.#ownText(view, offset, command);
      case Command.STMT_EXECUTE:
      case Command.STMT_BULK_EXECUTE:
      case Command.STMT_CLOSE:
      case Command.STMT_RESET:
      case Command.STMT_FETCH: {
        const prepared = session.prepared?.get(this.#statementId(view, offset, session));
        if (!prepared) return NO_TEXT;
        return { bytes: prepared.text, length: prepared.length, cut: prepared.cut };
      }
      default:
        return NO_TEXT;
    }
  }

  /** The id of the prepared statement that a command is about, or -1. */
  #statementId(view: DataView, offset: number, session: Session): number {
    if (view.getUint32(offset + StatementLayout.text_size, true) < STATEMENT_ID_BYTES) return -1;
    const id = view.getUint32(offset + StatementLayout.text, true);
    return id === LAST_STATEMENT ? session.lastPrepared : id;
  }

  #ownText(view: DataView, offset: number, command: number): Text {
    const size = view.getUint32(offset + StatementLayout.text_size, true);
    const total = view.getUint32(offset + StatementLayout.packet_size, true);
    const flags = view.getUint16(offset + RecordHeader.flags, true);
    const number = view.getUint32(offset + RecordHeader.seq, true);
    if ((flags & RecordFlag.READ_FAILED) !== 0) return { ...LOST_TEXT, length: total };
    let bytes: Buffer | null = this.#memory.part(view, offset + StatementLayout.text, size);
    if (number !== 0) {
      bytes = wholePacket(this.#packets.get(number));
      if (view.getUint8(offset + StatementLayout.more) === 0) this.#packets.remove(number);
      if (bytes === null) return { ...LOST_TEXT, length: total };
    }
    const from = view.getUint32(offset + StatementLayout.part_from, true);
    const to = view.getUint32(offset + StatementLayout.part_to, true);
    const beyond = total - bytes.length;
    let length = total;
    if (from > 0 || to > 0) {
      bytes = partOf(bytes, from, to);
      length = bytes.length + (to === 0 ? beyond : 0);
    } else if (command === Command.FIELD_LIST) {
      bytes = bytes.subarray(0, Math.max(bytes.indexOf(0), 0)); // the table, NUL, a wildcard
      length = bytes.length;
    }
    const kept = cutText(bytes, this.#world.maxText);
    return { bytes: kept, length, cut: kept.length < length };
  }

  /** What the command changes for those that come after it. */
  #after(view: DataView, offset: number, command: number, session: Session, text: Text): void {
    const ok = view.getUint32(offset + StatementLayout.error_code, true) === 0;
    switch (command) {
      case Command.STMT_PREPARE: {
        const known = view.getUint16(offset + StatementLayout.known, true);
        if (!ok || (known & Known.STATEMENT_ID) === 0) return;
        const id = view.getUint32(offset + StatementLayout.statement_id, true);
        // Without a text, too: the id is not that of an earlier statement any more.
        this.#sessions.deallocate(session, id);
        if (text.bytes === null || text.length === null) return;
        const copy: Prepared = {
          text: Buffer.from(text.bytes),
          length: text.length,
          cut: text.cut,
        };
        this.#sessions.prepare(session, id, copy);
        return;
      }
      case Command.STMT_CLOSE:
        this.#sessions.deallocate(session, this.#statementId(view, offset, session));
        return;
      case Command.CHANGE_USER:
      case Command.RESET_CONNECTION:
        if (ok) this.#sessions.forgetPrepared(session);
        return;
    }
  }
}
