/**
 * From ordered records to rows. Nearly every statement is one record; what is long, or rare, comes in parts
 * before it. A missing part shows as a gap in `seq`: the row is stored all the same, marked `truncated`.
 */
import { RecordFlag, RecordHeader, TextRecord } from '../../native/events.ts';
import type { Assembler, World } from '../collector/capture.ts';
import { type Cell, type Event, placesOf } from '../event.ts';
import { RecordMemory } from '../events/record-memory.ts';
import { cutText, textCell } from '../events/text.ts';
import { Connections } from './connections.ts';
import { bindValues, portalOf } from './parameters.ts';
import {
  addChunk,
  type Bound,
  bytesOf,
  type Chunk,
  detach,
  isWaiting,
  keptBytes,
  MAX_BOUND,
  newParts,
  newText,
  type Parts,
  STATE_VERSION,
  type Text,
} from './parts.ts';
import {
  fieldText,
  Known,
  NAME_BYTES,
  Outcome,
  PostgresRecord,
  Protocol,
  postgresRecordType,
  StatementLayout,
  sqlstateOf,
  TypesLayout,
  UNREADABLE,
} from './records.ts';
import type { Server } from './server.ts';
import { spec } from './spec.ts';
import {
  completionOfText,
  countsRows,
  functionCall,
  isTransactionCommand,
  protocolName,
  signalText,
} from './statement.ts';

/** What the assembler asks of the machine. */
export interface Sources {
  server(file: string): Server;
  /** The container of the first of these processes that is still there. */
  containerOf(pids: readonly number[]): string | null;
  isAlive(pid: number): boolean;
}

/** Longest message of an error that is kept, bytes. */
const MAX_ERROR = 65_536;
/** Longest Bind message that is kept, bytes. */
const MAX_BIND = 1024 * 1024;
/** 2000-01-01, where the server's time begins: µs of Unix time. */
const POSTGRES_EPOCH_US = 946_684_800_000_000;

/** What is known of the server behind a target number; long texts as bytes, which are quicker to store. */
interface KnownServer {
  readonly file: string;
  readonly tags: readonly string[];
  /** Whether the tag of that number counts rows. */
  readonly counts: readonly boolean[];
  readonly path: Cell;
  readonly version: Cell;
}

const NO_SERVER: KnownServer = { file: '', tags: [], counts: [], path: null, version: null };

const at = placesOf(spec);

export class PostgresAssembler implements Assembler {
  readonly #world: World;
  readonly #sources: Sources;
  readonly #connections: Connections;
  readonly #parts = new Map<number, Parts>();
  readonly #memory = new RecordMemory();
  readonly #servers = new Map<number, KnownServer>();
  /** The event that was finished last. */
  readonly #event: Cell[] = spec.columns.map(() => null);
  #tag: string | null = null;
  /** World.bootToUnix as it was last, and as whole µs and the ns that are left. */
  #bootToUnix = 0n;
  #bootUs = 0;
  #bootRestNs = 0;

  constructor(world: World, sources: Sources) {
    this.#world = world;
    this.#sources = sources;
    this.#connections = new Connections(sources);
  }

  get isOpen(): boolean {
    return this.#parts.size > 0 && [...this.#parts.values()].some(isWaiting);
  }

  get openPids(): Iterable<number> {
    return this.#parts.keys();
  }

  save(): unknown {
    return { version: STATE_VERSION, parts: this.#parts };
  }

  restore(state: unknown): void {
    const saved = state as { version?: unknown; parts?: unknown } | null;
    if (saved?.version !== STATE_VERSION || !(saved.parts instanceof Map)) return;
    // The file is ours alone, and its version says that it holds what `save` gave.
    for (const [tgid, parts] of saved.parts as Map<number, Parts>) this.#parts.set(tgid, parts);
  }

  accept(view: DataView, offset: number, length: number): Event | null | 'unreadable' {
    const type = postgresRecordType(view, offset, length);
    if (type === UNREADABLE) return 'unreadable';
    const tgid = view.getUint32(offset + RecordHeader.tgid, true);
    if (type === PostgresRecord.IDENTITY) {
      this.#connections.add(tgid, this.#memory.bytes(view), view, offset);
      return null;
    }
    const parts = this.#parts.size > 0 ? this.#parts.get(tgid) : undefined;
    if (type === PostgresRecord.STATEMENT) return this.#finish(view, offset, tgid, parts);
    if (type === PostgresRecord.EXIT) return this.#exited(view, offset, tgid, parts);
    this.#addPart(type, view, offset, length, parts ?? this.#newParts(tgid));
    return null;
  }

  detach(): void {
    for (const parts of this.#parts.values()) detach(parts);
  }

  /** Its end was counted as lost by the kernel's side, or it had none. */
  abandon(tgid: number): null {
    this.#parts.delete(tgid);
    return null;
  }

  #newParts(tgid: number): Parts {
    const parts = newParts();
    this.#parts.set(tgid, parts);
    return parts;
  }

  #addPart(type: number, view: DataView, offset: number, length: number, parts: Parts): void {
    const seq = view.getUint32(offset + RecordHeader.seq, true);
    for (const text of [parts.query, parts.error, parts.bind])
      if (text && !text.ended && seq !== parts.nextSeq) text.cut = true;
    parts.nextSeq = seq + 1;
    switch (type) {
      case PostgresRecord.TEXT:
        parts.query = this.#continued(parts.query, view, offset, 2 * this.#world.maxText);
        break;
      case PostgresRecord.ERROR:
        parts.error = this.#continued(parts.error, view, offset, MAX_ERROR);
        break;
      case PostgresRecord.PARAMETERS:
        parts.bind = this.#continued(parts.bind, view, offset, MAX_BIND);
        break;
      case PostgresRecord.TYPES:
        this.#bound(parts, view, offset, length);
        break;
      case PostgresRecord.PART:
        if (view.getUint32(offset + StatementLayout.known, true) & Known.INLINE)
          parts.query = this.#inline(view, offset);
        break;
      default:
        parts.dying = Buffer.from(this.#memory.part(view, offset, length));
    }
  }

  /** A text with one more chunk; after the last one a new text begins. */
  #continued(text: Text | null, view: DataView, offset: number, max: number): Text {
    const current = text && !text.ended ? text : newText();
    addChunk(current, this.#chunk(view, offset), keptBytes(current) < max);
    return current;
  }

  #chunk(view: DataView, offset: number): Chunk {
    const flags = view.getUint16(offset + RecordHeader.flags, true);
    const size = view.getUint32(offset + TextRecord.size, true);
    return {
      bytes: this.#memory.part(view, offset + TextRecord.text, size),
      last: (flags & RecordFlag.LAST) !== 0,
      cut: (flags & (RecordFlag.READ_FAILED | RecordFlag.TEXT_CUT)) !== 0,
      total: view.getUint32(offset + TextRecord.total, true),
    };
  }

  #inline(view: DataView, offset: number): Text {
    const size = view.getUint32(offset + StatementLayout.size, true);
    const bytes = this.#memory.part(view, offset + StatementLayout.text, size);
    return { chunks: [bytes], own: 0, total: size, ended: true, cut: false };
  }

  /** A Bind is done: its message came before, and now the types. */
  #bound(parts: Parts, view: DataView, offset: number, length: number): void {
    const { bind } = parts;
    parts.bind = null;
    const hasMessage = view.getUint32(offset + TypesLayout.has_message, true) !== 0;
    const message = hasMessage && bind?.ended && !bind.cut ? bytesOf(bind) : null;
    if (hasMessage && message === null) return;
    const count = view.getUint32(offset + TypesLayout.count, true);
    const known = Math.min(count, Math.floor((length - TypesLayout.oid) / 4));
    const types = Array.from({ length: known }, (_, i) =>
      view.getUint32(offset + TypesLayout.oid + 4 * i, true),
    );
    const address = view.getBigUint64(offset + TypesLayout.address, true);
    const values = bindValues(message, count, types, this.#world.parameterBytes ?? 0);
    const portal = message ? portalOf(message) : '';
    const before = parts.bound.get(address);
    if (values === null) {
      parts.bound.delete(address);
      return;
    }
    const ambiguous = before !== undefined && !before.executed && before.portal !== portal;
    if (!before && parts.bound.size >= MAX_BOUND) {
      const [oldest] = parts.bound.keys();
      if (oldest !== undefined) parts.bound.delete(oldest);
    }
    parts.bound.set(address, { portal, values, executed: false, ambiguous });
  }

  /** What the process was at when a signal came is a row, for the process has ended. */
  #exited(view: DataView, offset: number, tgid: number, parts: Parts | undefined): Event | null {
    const dying = parts?.dying;
    if (!parts || !dying) return this.#finish(view, offset, tgid, parts);
    const status = view.getUint32(offset + StatementLayout.signal, true);
    const dead = new DataView(dying.buffer, dying.byteOffset, dying.byteLength);
    const time = view.getBigUint64(offset + RecordHeader.time, true);
    dead.setBigUint64(RecordHeader.time, time, true);
    const signal = status & 0x7f;
    if (signal !== 0) dead.setUint32(StatementLayout.signal, signal, true);
    parts.dying = null;
    return this.#finish(dead, 0, tgid, parts);
  }

  #server(id: number): KnownServer {
    const target = this.#world.target(id);
    const file = target?.file ?? '';
    const known = this.#servers.get(id);
    if (known?.file === file) return known;
    if (!target) return NO_SERVER;
    const { version, tags } = this.#sources.server(file);
    const fresh: KnownServer = {
      file,
      tags,
      path: textCell(Buffer.from(target.path)),
      version: version === null ? null : textCell(Buffer.from(version)),
      counts: tags.map(countsRows),
    };
    this.#servers.set(id, fresh);
    return fresh;
  }

  #finish(view: DataView, offset: number, tgid: number, parts: Parts | undefined): Event {
    const event = this.#event;
    const bytes = this.#memory.bytes(view);
    const known = view.getUint32(offset + StatementLayout.known, true);
    const protocol = view.getUint8(offset + StatementLayout.protocol);
    const outcome = view.getUint8(offset + StatementLayout.outcome);
    const server = this.#server(view.getUint32(offset + RecordHeader.target, true));
    const who = this.#connections.of(tgid);
    this.#times(view, offset);
    event[at.pid] = tgid;
    event[at.protocol] = protocolName(protocol);
    event[at.parameters] = null;
    event[at.sqlstate] = null;
    event[at.error] = null;
    this.#query(view, offset, known, protocol, parts);
    this.#completion(bytes, view, offset, known, outcome, server);
    event[at.statement_name] = this.#name(bytes, offset, known, protocol, outcome);
    if (outcome === Outcome.FAILED) {
      const code = view.getUint32(offset + StatementLayout.sqlstate, true);
      event[at.sqlstate] = sqlstateOf(code);
      event[at.error] = parts?.error ? textCell(cutText(bytesOf(parts.error), MAX_ERROR)) : null;
    } else if (outcome === Outcome.SIGNAL) {
      event[at.error] = signalText(view.getUint32(offset + StatementLayout.signal, true));
    }
    if (parts) this.#takeParts(tgid, parts, view, offset, protocol);
    event[at.uid] = who.uid;
    event[at.user] = who.user;
    event[at.database] = who.database;
    event[at.application_name] = who.application;
    event[at.client_address] = who.address;
    event[at.client_port] = who.port;
    event[at.container_id] = who.container;
    event[at.server_path] = server.path;
    event[at.server_version] = server.version;
    return event;
  }

  /**
   * When it began, by the server's clock, and how long it took. In numbers, which are exact here (ns since boot up
   * to 104 days, then to the 2 ns): bigints made half the cost of a statement.
   */
  #times(view: DataView, offset: number): void {
    const event = this.#event;
    const { bootToUnix } = this.#world;
    if (bootToUnix !== this.#bootToUnix) {
      this.#bootToUnix = bootToUnix;
      this.#bootUs = Number(bootToUnix / 1000n);
      this.#bootRestNs = Number(bootToUnix % 1000n);
    }
    const ended = u64(view, offset + RecordHeader.time);
    const started = u64(view, offset + StatementLayout.start);
    if (started === 0) {
      const endedAt = BigInt(ended) + bootToUnix;
      event[at.time] = Number(endedAt / 1_000_000_000n);
      event[at.time_ns] = endedAt;
      event[at.uptime] = Math.floor(ended / 1e9);
      event[at.duration] = null;
      return;
    }
    const beganUs = started + POSTGRES_EPOCH_US;
    const boot = (beganUs - this.#bootUs) * 1000 - this.#bootRestNs;
    event[at.time] = Math.floor(beganUs / 1e6);
    event[at.time_ns] = BigInt(beganUs) * 1000n;
    event[at.uptime] = boot >= 0 ? Math.floor(boot / 1e9) : null;
    // Negative where the clock was set back meanwhile.
    event[at.duration] = ended >= boot ? ended - boot : null;
  }

  /** The one place that a statement's text passes on its way into a row. */
  #query(
    view: DataView,
    offset: number,
    known: number,
    protocol: number,
    parts: Parts | undefined,
  ): void {
    const event = this.#event;
    event[at.truncated] = 0;
    if (protocol === Protocol.FASTPATH) {
      const text = functionCall(view.getUint32(offset + StatementLayout.function, true));
      event[at.query] = text;
      event[at.query_length] = text.length;
      return;
    }
    const max = this.#world.maxText;
    if (known & Known.INLINE) {
      const size = view.getUint32(offset + StatementLayout.size, true);
      const text = this.#memory.part(view, offset + StatementLayout.text, size);
      event[at.query] = textCell(cutText(text, max));
      event[at.query_length] = size;
      event[at.truncated] = size > max ? 1 : 0;
      return;
    }
    const query = parts?.query;
    const text = query ? bytesOf(query) : null;
    if (!query || !text || (text.length === 0 && query.total === 0)) {
      event[at.query] = null;
      event[at.query_length] = null;
      event[at.truncated] = known & Known.TEXT ? 1 : 0;
      return;
    }
    event[at.query] = textCell(cutText(text, max));
    event[at.query_length] = query.ended ? Math.max(query.total, text.length) : null;
    event[at.truncated] = query.cut || !query.ended || text.length > max ? 1 : 0;
  }

  #completion(
    bytes: Buffer,
    view: DataView,
    offset: number,
    known: number,
    outcome: number,
    server: KnownServer,
  ): void {
    const event = this.#event;
    this.#tag = null;
    event[at.rows] = null;
    if (outcome === Outcome.DONE && known & Known.TAG) {
      const tag = view.getUint32(offset + StatementLayout.tag, true);
      this.#tag = server.tags[tag] ?? null;
      if (server.counts[tag] === true)
        event[at.rows] = numberOf(view, offset + StatementLayout.rows);
    } else if (outcome === Outcome.DONE && known & Known.TAG_TEXT) {
      const text = fieldText(bytes, offset + StatementLayout.tag_text, NAME_BYTES);
      const { tag, rows } = completionOfText(text.toString('latin1'));
      this.#tag = tag;
      event[at.rows] = rows;
    }
    event[at.command_tag] = this.#tag;
  }

  #name(bytes: Buffer, offset: number, known: number, protocol: number, outcome: number): Cell {
    if (protocol !== Protocol.EXTENDED) return null;
    if (known & Known.NAME)
      return textCell(fieldText(bytes, offset + StatementLayout.name, NAME_BYTES));
    if ((known & Known.UNNAMED) === 0) return null;
    // A failed statement may be a Parse with a name; a transaction command runs from a copy of its text.
    if (outcome !== Outcome.DONE && outcome !== Outcome.SUSPENDED) return null;
    return this.#tag !== null && isTransactionCommand(this.#tag) ? null : '';
  }

  /** The parts are used up; what was bound stays for a portal that goes on. */
  #takeParts(tgid: number, parts: Parts, view: DataView, offset: number, protocol: number): void {
    const address = view.getBigUint64(offset + StatementLayout.address, true);
    const bound = protocol === Protocol.EXTENDED ? parts.bound.get(address) : undefined;
    if (bound && !bound.ambiguous) this.#event[at.parameters] = bound.values;
    parts.query = null;
    parts.error = null;
    parts.bind = null;
    parts.dying = null;
    if (bound) parts.bound.set(address, executed(bound));
    if (parts.bound.size === 0) this.#parts.delete(tgid);
  }
}

/** A u64 as a number: exact up to 2^53. */
const u64 = (view: DataView, offset: number): number =>
  view.getUint32(offset + 4, true) * 2 ** 32 + view.getUint32(offset, true);

const executed = (bound: Bound): Bound => ({ ...bound, executed: true });

/** A u64 as a number where that is exact. */
function numberOf(view: DataView, offset: number): number | bigint {
  const high = view.getUint32(offset + 4, true);
  if (high === 0) return view.getUint32(offset, true);
  const value = view.getBigUint64(offset, true);
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : BigInt.asIntN(64, value);
}
