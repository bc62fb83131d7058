/**
 * From ordered records to rows. Nearly every statement is one record; what is long, or rare, comes in parts
 * before it. A missing part shows as a gap in `seq`: the row is stored all the same, marked `truncated`.
 */
import { RecordFlag, RecordHeader, TextRecord, u64 } from '../../native/events.ts';
import type { Assembler, World } from '../collector/capture.ts';
import type { Event } from '../event.ts';
import { RecordMemory } from '../events/record-memory.ts';
import { PLAIN } from '../redact/guarded.ts';
import { type ConnectionSources, Connections } from './connections.ts';
import { masked } from './masked.ts';
import { bindValues } from './parameters.ts';
import {
  addBound,
  addChunk,
  bytesOf,
  type Chunk,
  detach,
  isWaiting,
  keptBytes,
  newParts,
  newText,
  type Parts,
  type SavedParts,
  STATE_VERSION,
  type Text,
} from './parts.ts';
import {
  beginOfText,
  Known,
  PostgresRecord,
  postgresRecordType,
  StatementLayout,
  TypesLayout,
  UNREADABLE,
} from './records.ts';
import { MAX_ERROR, StatementRow } from './row.ts';
import type { Server } from './server.ts';
import { Servers } from './servers.ts';

/** What the assembler asks of the machine. */
export interface Sources extends ConnectionSources {
  /** Of an executable. */
  server(file: string): Server;
}

/** Longest Bind message that is kept, bytes. */
const MAX_BIND = 1024 * 1024;

export class PostgresAssembler implements Assembler {
  readonly #world: World;
  readonly #connections: Connections;
  readonly #parts = new Map<number, Parts>();
  readonly #memory = new RecordMemory();
  readonly #row: StatementRow;

  constructor(world: World, sources: Sources) {
    this.#world = world;
    this.#connections = new Connections(sources);
    const servers = new Servers(world, sources.server);
    this.#row = new StatementRow(world, this.#memory, servers, this.#connections);
  }

  get isOpen(): boolean {
    return this.#parts.size > 0 && [...this.#parts.values()].some(isWaiting);
  }

  get openPids(): Iterable<number> {
    return this.#parts.keys();
  }

  save(): unknown {
    const redactor = this.#world.redactor ?? PLAIN;
    const parts = [...this.#parts].map(([pid, open]) => [pid, masked(open, redactor)] as const);
    return { version: STATE_VERSION, parts };
  }

  restore(state: unknown): void {
    const saved = state as { version?: unknown; parts?: unknown } | null;
    if (saved?.version !== STATE_VERSION || !Array.isArray(saved.parts)) return;
    // The file is ours alone, and its version says that it holds what `save` gave.
    for (const [tgid, parts] of saved.parts as [number, SavedParts][])
      this.#parts.set(tgid, { ...parts, bound: new Map() });
  }

  accept(view: DataView, offset: number, length: number): Event | null | 'unreadable' {
    const type = postgresRecordType(view, offset, length);
    if (type === UNREADABLE) return 'unreadable';
    const tgid = view.getUint32(offset + RecordHeader.tgid, true);
    if (type === PostgresRecord.IDENTITY) {
      const isNew = this.#connections.add(tgid, this.#memory.bytes(view), view, offset);
      if (isNew) this.#parts.delete(tgid);
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
    for (const text of [parts.query, parts.error])
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
      total: flags & RecordFlag.READ_FAILED ? -1 : view.getUint32(offset + TextRecord.total, true),
    };
  }

  #inline(view: DataView, offset: number): Text {
    const size = view.getUint32(offset + StatementLayout.size, true);
    const bytes = this.#memory.part(view, offset + beginOfText(view, offset), size);
    return { chunks: [bytes], own: 0, total: size, ended: true, cut: false };
  }

  /** A Bind: its message came before, and now the types. */
  #bound(parts: Parts, view: DataView, offset: number, length: number): void {
    const message = parts.bind;
    parts.bind = null;
    const portal = u64(view, offset + TypesLayout.portal);
    parts.bound.delete(portal); // an earlier one that had its place
    if (!message?.ended || message.cut || keptBytes(message) !== message.total) return;
    const room = Math.floor((length - TypesLayout.oid) / 4);
    const count = Math.min(view.getUint32(offset + TypesLayout.count, true), room);
    const types = Array.from({ length: count }, (_, i) =>
      view.getUint32(offset + TypesLayout.oid + 4 * i, true),
    );
    const values = bindValues(bytesOf(message), types, this.#world.parameterBytes ?? 0);
    if (values !== null) addBound(parts, portal, values);
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
    return this.#finish(dead, 0, tgid, parts);
  }

  #finish(view: DataView, offset: number, tgid: number, parts: Parts | undefined): Event {
    const event = this.#row.of(view, offset, parts);
    if (parts) {
      // What was bound stays, for a portal that goes on.
      parts.query = null;
      parts.error = null;
      parts.bind = null;
      parts.dying = null;
      if (parts.bound.size === 0) this.#parts.delete(tgid);
    }
    return event;
  }
}
