/**
 * From records to whole rows, pure (no clock, no files): a statement's record is its row, with what records
 * before it said of its connection, its packet and its error.
 */
import { RecordHeader, u64 } from '../../native/events.ts';
import type { Assembler, World } from '../collector/capture.ts';
import { type Cell, type Event, newEvent, placesOf } from '../event.ts';
import { RecordMemory } from '../events/record-memory.ts';
import { textCell } from '../events/text.ts';
import { UnixTime } from '../events/unix-time.ts';
import { PLAIN } from '../redact/guarded.ts';
import type { Redactor } from '../redact/redactor.ts';
import { afterCommand, preparedOf } from './effects.ts';
import { loseLongData, parametersOf, withoutPacket } from './executions.ts';
import { masked } from './masked.ts';
import { type Packet, Packets } from './packets.ts';
import { Pieces } from './pieces.ts';
import { Query } from './query.ts';
import {
  Command,
  ConnectionLayout,
  commandName,
  ErrorLayout,
  IdentityLayout,
  Known,
  LongDataLayout,
  MysqlRecord,
  mysqlRecordType,
  StatementLayout,
  UNREADABLE,
} from './records.ts';
import { putIdentity, putOutcome, sharedOf } from './row.ts';
import {
  addIdentity,
  identityOf,
  isOf,
  lastIdentity,
  type Prepared,
  readError,
  readIdentity,
  type Session,
} from './session.ts';
import { Sessions } from './sessions.ts';
import { spec } from './spec.ts';
import { mysql56 } from './targets.ts';
import { hasText, type Text } from './texts.ts';

/** Goes up whenever what `save` gives changes. */
const STATE_VERSION = 2;

/** What the assembler asks of the machine. */
export interface Sources {
  /** The id of the container that a process runs in. */
  containerOf(pid: number): string | null;
}

const at = placesOf(spec);
const NO_STATEMENT = Buffer.alloc(0);

export class MysqlAssembler implements Assembler {
  readonly #world: World;
  readonly #redactor: Redactor;
  readonly #sources: Sources;
  readonly #sessions = new Sessions();
  readonly #packets = new Packets();
  readonly #memory = new RecordMemory();
  readonly #time = new UnixTime();
  readonly #event = newEvent(spec);
  readonly #query: Query;
  readonly #pieces: Pieces;

  constructor(world: World, sources: Sources) {
    this.#world = world;
    this.#redactor = world.redactor ?? PLAIN;
    this.#sources = sources;
    this.#query = new Query(world, this.#memory, this.#packets);
    this.#pieces = new Pieces(world.parameterBytes ?? 0);
  }

  get isOpen(): boolean {
    return this.#packets.size > 0;
  }

  get openPids(): Iterable<number> {
    return new Set([...this.#packets.all.values()].map(({ tgid }) => tgid));
  }

  save(): unknown {
    const safe = [...this.#packets.all].map(
      ([number, packet]) => [number, masked(packet, this.#redactor)] as const,
    );
    return { version: STATE_VERSION, packets: safe };
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
    if (type === MysqlRecord.STATEMENT) return this.#statement(view, offset);
    if (type === UNREADABLE) return 'unreadable';
    const tgid = view.getUint32(offset + RecordHeader.tgid, true);
    switch (type) {
      case MysqlRecord.PACKET:
        this.#packet(view, offset);
        break;
      case MysqlRecord.IDENTITY:
        this.#identity(tgid, view, offset);
        break;
      case MysqlRecord.ERROR: {
        const session = this.#sessions.open(tgid, u64(view, offset + ErrorLayout.thd));
        session.error = readError(this.#memory.bytes(view), view, offset);
        break;
      }
      case MysqlRecord.LONG_DATA: {
        this.#pieces.expect(
          this.#sessions.open(tgid, u64(view, offset + LongDataLayout.thd)),
          view,
          offset,
        );
        break;
      }
      case MysqlRecord.END: {
        const session = this.#sessions.of(tgid, u64(view, offset + ConnectionLayout.thd));
        if (session) this.#sessions.close(session);
        break;
      }
    }
    return null;
  }

  #packet(view: DataView, offset: number): void {
    const packet = this.#packets.add(this.#memory.bytes(view), view, offset);
    const number = view.getUint32(offset + RecordHeader.seq, true);
    if (packet.ended && this.#pieces.take(number, packet)) this.#packets.remove(number);
  }

  #identity(tgid: number, view: DataView, offset: number): void {
    const container = this.#sources.containerOf(tgid);
    const identity = readIdentity(this.#memory.bytes(view), view, offset, container);
    const server = u64(view, offset + IdentityLayout.server);
    const connectionId = u64(view, offset + IdentityLayout.connection_id);
    const session = this.#sessions.open(tgid, u64(view, offset + IdentityLayout.thd));
    if (isOf(session, server, connectionId)) session.server = server;
    else {
      // Remembered records come in any order: an old one says nothing.
      if (lastIdentity(session) > identity.number) return;
      this.#sessions.renew(session, server, connectionId);
    }
    addIdentity(session, identity);
  }

  #session(tgid: number, view: DataView, offset: number, known: number): Session {
    const session = this.#sessions.open(tgid, u64(view, offset + StatementLayout.thd));
    if ((known & Known.CONNECTION) === 0) return session;
    const connectionId = u64(view, offset + StatementLayout.connection_id);
    if (session.connectionId !== connectionId) {
      // Its identity was lost: what we know is of a connection before it.
      if (session.connectionId !== null) this.#sessions.renew(session, 0, connectionId);
      session.connectionId = connectionId;
      session.since = u64(view, offset + RecordHeader.time);
    }
    return session;
  }

  #statement(view: DataView, offset: number): Event {
    const tgid = view.getUint32(offset + RecordHeader.tgid, true);
    const known = view.getUint16(offset + StatementLayout.known, true);
    const command = view.getUint8(offset + StatementLayout.command);
    const session = this.#session(tgid, view, offset, known);
    const ownText = hasText(command);
    const prepared = ownText ? undefined : preparedOf(session, view, offset);
    const event = this.#event;
    const started = u64(view, offset + StatementLayout.started);
    const time = this.#time.set(started, this.#world.bootToUnix);
    event[at.time] = time.seconds;
    event[at.time_ns] = time.ns;
    event[at.uptime] = Math.floor(started / 1e9);
    event[at.pid] = tgid;
    event[at.tid] = view.getUint32(offset + StatementLayout.tid, true);
    event[at.connection_id] = (known & Known.CONNECTION) !== 0 ? session.connectionId : null;
    const target = this.#world.target(view.getUint32(offset + RecordHeader.target, true));
    event[at.command] = commandName(command, target?.program === mysql56.program);
    const text = this.#query.put(event, view, offset, prepared);
    const values = ownText ? null : this.#parameters(view, offset, session, prepared);
    event[at.parameters] =
      values && this.#redactor.redactParameters(values, text.bytes ?? NO_STATEMENT);
    putOutcome(event, view, offset, target);
    this.#error(event, session, view.getUint32(offset + StatementLayout.error_code, true), text);
    const number = u64(view, offset + StatementLayout.identity);
    const identity = identityOf(session, number);
    putIdentity(event, identity);
    event.shared = sharedOf(session, identity, target?.path ?? null);
    if (command !== Command.QUERY) afterCommand(this.#sessions, session, view, offset, text);
    return event;
  }

  /** What the client was told: it may quote the statement. */
  #error(event: Cell[], session: Session, code: number, { bytes }: Text): void {
    const error = code !== 0 && session.error?.code === code ? session.error : null;
    session.error = null;
    event[at.sqlstate] = error?.sqlstate ?? null;
    event[at.error] =
      error && textCell(this.#redactor.redactMessage(error.message, bytes ?? NO_STATEMENT));
  }

  /** The packet of an execution is there where parameters are asked for. */
  #parameters(
    view: DataView,
    offset: number,
    session: Session,
    prepared: Prepared | undefined,
  ): string | null {
    const number = view.getUint32(offset + RecordHeader.seq, true);
    const known = view.getUint16(offset + StatementLayout.known, true);
    if (number === 0) return withoutPacket(known, prepared);
    if (session.longData !== 0) loseLongData(session); // it should be here by now
    const bytes = view.getUint32(offset + StatementLayout.part_from, true);
    const execution = {
      command: view.getUint8(offset + StatementLayout.command),
      known,
      packet: this.#packets.get(number),
      bytes: this.#packets.get(bytes),
    };
    this.#packets.remove(number);
    this.#packets.remove(bytes);
    return parametersOf(execution, prepared, this.#world.parameterBytes ?? 0);
  }
}
