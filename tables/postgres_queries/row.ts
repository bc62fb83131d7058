/** A statement record, with the parts that came before it, as cells of a row. */
import { RecordHeader, u64 } from '../../native/events.ts';
import type { World } from '../collector/capture.ts';
import { type Cell, type Event, type EventCells, placesOf, Slice } from '../event.ts';
import type { RecordMemory } from '../events/record-memory.ts';
import { cutText, textCell } from '../events/text.ts';
import { PLAIN } from '../redact/guarded.ts';
import type { Redactor } from '../redact/redactor.ts';
import type { Connections } from './connections.ts';
import { NO_TAG } from './forms.ts';
import { bytesOf, type Parts } from './parts.ts';
import {
  beginOfName,
  beginOfText,
  fieldEnd,
  fieldText,
  integerOf,
  Known,
  Outcome,
  Protocol,
  StatementLayout,
  sqlstateOf,
} from './records.ts';
import type { KnownServer, Servers } from './servers.ts';
import { spec } from './spec.ts';
import { completionOfText, functionCall, signalText } from './statement.ts';
import { Times } from './times.ts';

/** Longest message of an error that is kept, bytes. */
export const MAX_ERROR = 65_536;

const at = placesOf(spec);
const NOTHING = Buffer.alloc(0);

/** The rows of a command whose tag has a number; null where that tag counts none. */
const rowsOf = (server: KnownServer, tag: number, view: DataView, offset: number): Cell =>
  server.counts[tag] === true ? integerOf(view, offset + StatementLayout.rows) : null;

export class StatementRow {
  readonly #world: World;
  readonly #redactor: Redactor;
  readonly #memory: RecordMemory;
  readonly #servers: Servers;
  readonly #connections: Connections;
  readonly #times = new Times();
  readonly #text = new Slice();
  readonly #name = new Slice();
  /** The statement of the row, as it came. */
  #statement: Buffer = NOTHING;

  constructor(world: World, memory: RecordMemory, servers: Servers, connections: Connections) {
    this.#world = world;
    this.#redactor = world.redactor ?? PLAIN;
    this.#memory = memory;
    this.#servers = servers;
    this.#connections = connections;
  }

  /** @returns the row, valid until the next call */
  of(view: DataView, offset: number, parts: Parts | undefined): Event {
    const known = view.getUint32(offset + StatementLayout.known, true);
    const protocol = view.getUint8(offset + StatementLayout.protocol);
    const outcome = view.getUint8(offset + StatementLayout.outcome);
    const server = this.#servers.of(view.getUint32(offset + RecordHeader.target, true));
    const forms = this.#connections.formsOf(view.getUint32(offset + RecordHeader.tgid, true));
    const tag = view.getUint32(offset + StatementLayout.tag, true);
    const isTagged = (known & Known.TAG) !== 0 && tag < server.tags.length;
    const isPlain = parts === undefined && outcome === Outcome.DONE && isTagged;
    const event = forms.of(server, protocol, known, isPlain ? tag : NO_TAG);
    this.#times.put(event, view, offset, this.#world.bootToUnix);
    this.#query(event, view, offset, known, protocol, parts);
    if ((known & Known.NAME) !== 0 && protocol === Protocol.EXTENDED)
      event[at.statement_name] = this.#nameOf(view, offset);
    if (isPlain) {
      event[at.rows] = rowsOf(server, tag, view, offset);
      return event;
    }
    this.#completion(event, view, offset, known, outcome, server);
    const bound = protocol === Protocol.EXTENDED ? parts : undefined;
    event[at.parameters] = bound ? this.#parameters(view, offset, bound) : null;
    this.#error(event, view, offset, outcome, parts);
    return event;
  }

  /** The one place that a statement's text passes on its way into a row. */
  #query(
    event: EventCells,
    view: DataView,
    offset: number,
    known: number,
    protocol: number,
    parts: Parts | undefined,
  ): void {
    event[at.truncated] = 0;
    this.#statement = NOTHING;
    if (protocol === Protocol.FASTPATH) {
      const text = functionCall(view.getUint32(offset + StatementLayout.function, true));
      event[at.query] = text;
      event[at.query_length] = text.length;
      return;
    }
    const max = this.#world.maxText;
    if (known & Known.INLINE) {
      const size = view.getUint32(offset + StatementLayout.size, true);
      const from = offset + beginOfText(view, offset);
      const isPlain =
        size <= max &&
        this.#memory.slice(view, from, from + size, this.#text) &&
        this.#redactor.isClean(this.#text.bytes, from, from + size);
      // What comes with it may be a part of it: an error's message, or parameters.
      const alone = isPlain && parts === undefined;
      event[at.query] = alone ? this.#text : this.#cell(this.#memory.part(view, from, size), false);
      event[at.query_length] = size;
      event[at.truncated] = size > max ? 1 : 0;
      return;
    }
    const query = parts?.query;
    const text = query ? bytesOf(query) : null;
    if (!query || !text || (text.length === 0 && query.total <= 0)) {
      event[at.query] = null;
      event[at.query_length] = null;
      event[at.truncated] = known & Known.TEXT ? 1 : 0;
      return;
    }
    event[at.query] = this.#cell(text, query.cut || !query.ended);
    event[at.query_length] = query.ended && query.total >= 0 ? query.total : null;
    event[at.truncated] = query.cut || !query.ended || text.length > max ? 1 : 0;
  }

  /** Secrets go before the text is cut, or half of one would be left. */
  #cell(text: Buffer, cut: boolean): Cell {
    this.#statement = text;
    return textCell(cutText(this.#redactor.redact(text, cut), this.#world.maxText));
  }

  /** Tag and rows. */
  #completion(
    event: EventCells,
    view: DataView,
    offset: number,
    known: number,
    outcome: number,
    server: KnownServer,
  ): void {
    let tag: string | null = null;
    event[at.rows] = null;
    if (outcome === Outcome.DONE && known & Known.TAG) {
      const number = view.getUint32(offset + StatementLayout.tag, true);
      tag = server.tags[number] ?? null;
      event[at.rows] = rowsOf(server, number, view, offset);
    } else if (outcome === Outcome.DONE && known & Known.TAG_TEXT) {
      const size = view.getUint8(offset + StatementLayout.tag_size);
      const text = fieldText(this.#memory.bytes(view), offset + StatementLayout.bytes, size);
      const completion = completionOfText(text.toString('latin1'));
      tag = completion.tag;
      event[at.rows] = completion.rows;
    }
    event[at.command_tag] = tag;
  }

  #parameters(view: DataView, offset: number, parts: Parts): Cell {
    const bound = parts.bound.get(u64(view, offset + StatementLayout.portal));
    if (!bound) return null;
    bound.executed = true;
    return this.#redactor.redactParameters(bound.values, this.#statement);
  }

  #error(
    event: EventCells,
    view: DataView,
    offset: number,
    outcome: number,
    parts: Parts | undefined,
  ): void {
    event[at.sqlstate] = null;
    event[at.error] = null;
    if (outcome === Outcome.FAILED) {
      const message = parts?.error;
      event[at.sqlstate] = sqlstateOf(view.getUint32(offset + StatementLayout.sqlstate, true));
      event[at.error] = message ? this.#message(bytesOf(message)) : null;
    } else if (outcome === Outcome.SIGNAL) {
      event[at.error] = signalText(view.getUint32(offset + StatementLayout.signal, true));
    }
  }

  #message(message: Buffer): Cell {
    return textCell(cutText(this.#redactor.redactMessage(message, this.#statement), MAX_ERROR));
  }

  #nameOf(view: DataView, offset: number): Cell {
    const bytes = this.#memory.bytes(view);
    const from = offset + beginOfName(view, offset);
    const end = fieldEnd(bytes, from, view.getUint8(offset + StatementLayout.name_size));
    return this.#memory.slice(view, from, end, this.#name)
      ? this.#name
      : textCell(bytes.subarray(from, end));
  }
}
