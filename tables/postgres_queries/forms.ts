/**
 * The rows of a connection by their form: most differ in their times and their text only. Each form has an event of
 * its own, which keeps what they have in common.
 */
import { type EventCells, newEvent, placesOf, Shared } from '../event.ts';
import type { Who } from './identity.ts';
import { Known, Protocol } from './records.ts';
import type { KnownServer } from './servers.ts';
import { spec } from './spec.ts';
import { protocolName } from './statement.ts';

/** Not done, or its tag has no number. */
export const NO_TAG = -1;
/** Beyond so many the oldest form of a connection goes: those of a transaction in turns have room. */
const MAX_FORMS = 8;

const at = placesOf(spec);
/** What the rows of any form have in common, and what is computed when it is asked for. */
const ALWAYS: readonly number[] = [
  ...[at.pid, at.uid, at.user, at.database, at.application_name, at.client_address],
  ...[at.client_port, at.container_id, at.server_path, at.server_version],
  ...[at.fingerprint, at.normalized, at.protocol],
];
/** … and those of one command that went well, without parameters. */
const TAGGED: readonly number[] = [at.command_tag, at.sqlstate, at.error, at.parameters];
/** … and those of no prepared statement. */
const NAMELESS: readonly number[] = [at.statement_name];

interface Form {
  readonly key: number;
  readonly server: KnownServer;
  readonly event: EventCells;
}

const NAMES = Known.NAME | Known.UNNAMED;
/** Room for the flags of `Known` in a key, and for a protocol. */
const KNOWN_BITS = 8;
const PROTOCOL_BITS = 2;

export class Forms {
  readonly #pid: number;
  readonly #who: Who;
  readonly #forms: Form[] = [];
  #oldest = 0;

  constructor(pid: number, who: Who) {
    this.#pid = pid;
    this.#who = who;
  }

  /**
   * The event for a row, with all that is the same in each row of its form. To be filled in each time: times, query, its
   * length, truncated, and rows where the tag counts them; a statement's name where it has one; and without a tag
   * also command_tag, rows, parameters, sqlstate and error.
   * @param known what is known of the statement, of which the name counts
   * @param tag the number of the command tag, or NO_TAG
   */
  of(server: KnownServer, protocol: number, known: number, tag: number): EventCells {
    const name = protocol === Protocol.EXTENDED ? known & NAMES : 0;
    const key = ((((tag + 1) << PROTOCOL_BITS) | protocol) << KNOWN_BITS) | name;
    const forms = this.#forms;
    for (let i = 0; i < forms.length; i++) {
      const form = forms[i] as Form;
      if (form.key === key && form.server === server) return form.event;
    }
    const event = this.#fill(server, protocol, name, tag);
    forms[this.#oldest] = { key, server, event };
    this.#oldest = (this.#oldest + 1) % MAX_FORMS;
    return event;
  }

  #fill(server: KnownServer, protocol: number, name: number, tag: number): EventCells {
    const event = newEvent(spec);
    const tagged = tag === NO_TAG ? [] : TAGGED;
    const nameless = (name & Known.NAME) === 0 ? NAMELESS : [];
    event.shared = new Shared([...ALWAYS, ...tagged, ...nameless]);
    event[at.pid] = this.#pid;
    event[at.uid] = this.#who.uid;
    event[at.user] = this.#who.user;
    event[at.database] = this.#who.database;
    event[at.application_name] = this.#who.application;
    event[at.client_address] = this.#who.address;
    event[at.client_port] = this.#who.port;
    event[at.container_id] = this.#who.container;
    event[at.server_path] = server.path;
    event[at.server_version] = server.version;
    event[at.protocol] = protocolName(protocol);
    event[at.statement_name] = (name & Known.UNNAMED) !== 0 ? '' : null;
    event[at.command_tag] = server.tags[tag] ?? null;
    return event;
  }
}
