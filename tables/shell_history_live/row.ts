/** A command that is over, as cells of a row. */
import type { World } from '../collector/capture.ts';
import { type Cell, type Event, newEvent, placesOf, SharedWhile, Slice } from '../event.ts';
import { withoutControls } from '../events/controls.ts';
import type { RecordMemory } from '../events/record-memory.ts';
import { cutText, textCell } from '../events/text.ts';
import { UnixTime } from '../events/unix-time.ts';
import { PLAIN } from '../redact/guarded.ts';
import type { Redactor } from '../redact/redactor.ts';
import { expandedText, type OpenCommand, type Text, typedText } from './command.ts';
import { duration, type Ending } from './ending.ts';
import { SOURCE_NAMES } from './records.ts';
import { spec } from './spec.ts';

const at = placesOf(spec);

/** What the commands of a shell have in common until it goes elsewhere. */
const OF_CONTEXT: readonly number[] = [
  ...[at.shell, at.shell_path, at.pid, at.parent, at.uid, at.euid, at.gid, at.auid],
  ...[at.session_id, at.tty, at.cwd, at.remote_address, at.remote_port],
  ...[at.cgroup_id, at.container_id, at.pid_namespace],
];

export class CommandRow {
  readonly #world: World;
  readonly #redactor: Redactor;
  readonly #memory: RecordMemory;
  readonly #time = new UnixTime();
  readonly #event = newEvent(spec);
  readonly #slice = new Slice();
  readonly #shared = new SharedWhile();

  constructor(world: World, memory: RecordMemory) {
    this.#world = world;
    this.#redactor = world.redactor ?? PLAIN;
    this.#memory = memory;
  }

  /** @returns the row, valid until the next call */
  of(tgid: number, open: OpenCommand, ending: Ending): Event {
    const event = this.#event;
    const began = ending.started > 0 ? ending.started : open.time;
    const time = this.#time.set(began, this.#world.bootToUnix);
    event[at.time] = time.seconds;
    event[at.time_ns] = time.ns;
    event[at.uptime] = Math.floor(began / 1e9);
    event[at.source] = SOURCE_NAMES[open.source] ?? null;
    this.#texts(open);
    event[at.exit_code] = ending.code;
    event[at.duration] = duration(began, ending, open);
    event[at.status] = ending.status;
    this.#share(tgid, open);
    return event;
  }

  #texts(open: OpenCommand): void {
    const event = this.#event;
    const typed = typedText(open);
    const expanded = expandedText(open, typed.bytes);
    const unread = typed.bytes.length === 0 && (typed.cut || open.gap);
    const text = typed.printable ? typed.bytes : withoutControls(typed.bytes);
    const cut = open.gap || typed.cut || text.length > this.#world.maxText || open.beyond > 0;
    event[at.command_length] = unread ? null : typed.length + open.beyond;
    event[at.truncated] = cut ? 1 : 0;
    event[at.expanded] = expanded === null ? null : this.#cell(withoutControls(expanded), cut);
    if (unread) event[at.command] = null;
    else if (cut || !this.#isPlain(typed)) event[at.command] = this.#cell(text, cut);
    else event[at.command] = this.#slice;
  }

  /** Nearly all: printable ASCII without a secret. The slice is of it then. */
  #isPlain({ bytes, printable }: Text): boolean {
    return (
      printable &&
      this.#memory.sliceOf(bytes, this.#slice) &&
      this.#redactor.isClean(bytes, 0, bytes.length)
    );
  }

  /** Secrets go before the text is cut, or half of one would be left. */
  #cell(text: Buffer, cut: boolean): Cell {
    return textCell(cutText(this.#redactor.redact(text, cut), this.#world.maxText));
  }

  /** Who typed it, and where: most commands come from the shell that the one before came from. */
  #share(tgid: number, { context, target: id }: OpenCommand): void {
    const event = this.#event;
    const target = this.#world.target(id);
    const shared = this.#shared.of(context, target, OF_CONTEXT);
    if (event.shared === shared) return;
    event.shared = shared;
    event[at.shell] = target?.program ?? null;
    event[at.shell_path] = target?.path ?? null;
    event[at.pid] = tgid;
    event[at.parent] = context.parent;
    event[at.uid] = context.uid;
    event[at.euid] = context.euid;
    event[at.gid] = context.gid;
    event[at.auid] = context.auid;
    event[at.session_id] = context.sessionId;
    event[at.tty] = context.tty;
    event[at.cwd] = context.cwd;
    event[at.remote_address] = context.remote?.address ?? null;
    event[at.remote_port] = context.remote?.port ?? null;
    event[at.cgroup_id] = context.cgroupId;
    event[at.container_id] = context.containerId;
    event[at.pid_namespace] = context.pidNamespace;
  }
}
