/**
 * From ordered records to whole commands: one state machine per process, pure (no clock, no files).
 *
 *   CONTEXT → LINE (EXPANDED)? … → END | EXEC | EXIT → one row
 *
 * A missing record shows as a gap in `seq`: the row is stored all the same, marked `truncated`.
 */
import { RecordFlag, RecordHeader, TextRecord } from '../../native/events.ts';
import type { Assembler, World } from '../collector/capture.ts';
import { type Cell, type Event, placesOf } from '../event.ts';
import { RecordMemory } from '../events/record-memory.ts';
import { Seconds } from '../events/seconds.ts';
import { cutText, textCell } from '../events/text.ts';
import {
  addExpanded,
  addTyped,
  type Chunk,
  type Context,
  expandedText,
  type OpenCommand,
  STATE_VERSION,
  takeBack,
  typedText,
} from './command.ts';
import { Places } from './place.ts';
import {
  ContextLayout,
  ShellRecord,
  STATUS_UNKNOWN,
  StatusLayout,
  shellRecordType,
  UNREADABLE,
} from './records.ts';
import { spec } from './spec.ts';

/** Texts of one command, typed and expanded, beyond this many times max_text are only measured. */
const KEPT_TEXTS = 4;

/** How a command ended. */
interface Ending {
  /** CLOCK_BOOTTIME, ns; null: not known. */
  readonly time: bigint | null;
  /** When it started to run; 0: it did not, or was begun before the attach. */
  readonly started: bigint;
  readonly code: number | null;
  readonly status: 'done' | 'killed' | 'exec' | 'running at exit';
}

const UNKNOWN_END: Ending = { time: null, started: 0n, code: null, status: 'done' };
const GIVEN_UP: Ending = { time: null, started: 0n, code: null, status: 'running at exit' };

const at = placesOf(spec);

export class ShellAssembler implements Assembler {
  readonly #world: World;
  readonly #open = new Map<number, OpenCommand>();
  readonly #memory = new RecordMemory();
  readonly #places = new Places();
  readonly #unixSeconds = new Seconds();
  readonly #bootSeconds = new Seconds();
  /** The event that was finished last. */
  readonly #event: Cell[] = spec.columns.map(() => null);

  constructor(world: World) {
    this.#world = world;
  }

  get isOpen(): boolean {
    return this.#open.size > 0;
  }

  get openPids(): IterableIterator<number> {
    return this.#open.keys();
  }

  save(): unknown {
    return { version: STATE_VERSION, open: this.#open };
  }

  restore(state: unknown): void {
    const saved = state as { version?: unknown; open?: unknown } | null;
    if (saved?.version !== STATE_VERSION || !(saved.open instanceof Map)) return;
    // The file is ours alone, and its version says that it holds what `save` gave.
    for (const [tgid, open] of saved.open as Map<number, OpenCommand>) this.#open.set(tgid, open);
  }

  accept(view: DataView, offset: number, length: number): Event | null | 'unreadable' {
    const type = shellRecordType(view, offset, length);
    if (type === UNREADABLE) return 'unreadable';
    const tgid = view.getUint32(offset + RecordHeader.tgid, true);
    const seq = view.getUint32(offset + RecordHeader.seq, true);
    const open = this.#open.get(tgid);
    if (type === ShellRecord.CONTEXT) {
      this.#open.set(tgid, this.#begin(view, offset, seq));
      if (!open) return null;
      open.gap = true; // its end never came: that record was lost
      return this.#finish(tgid, open, UNKNOWN_END);
    }
    if (!open) return null;
    if (seq !== open.nextSeq) open.gap = true;
    open.nextSeq = seq + 1;
    if (type === ShellRecord.LINE) addTyped(open, this.#chunk(open, view, offset));
    else if (type === ShellRecord.EXPANDED) addExpanded(open, this.#chunk(open, view, offset));
    else if (type === ShellRecord.REJECTED && !hasFlag(view, offset, RecordFlag.LAST))
      takeBack(open);
    else {
      this.#open.delete(tgid);
      return this.#finish(tgid, open, endingOf(type, view, offset));
    }
    return null;
  }

  abandon(tgid: number): Event | null {
    const open = this.#open.get(tgid);
    if (!open) return null;
    this.#open.delete(tgid);
    return this.#finish(tgid, open, GIVEN_UP);
  }

  #begin(view: DataView, offset: number, seq: number): OpenCommand {
    return {
      time: view.getBigUint64(offset + RecordHeader.time, true),
      target: view.getUint32(offset + RecordHeader.target, true),
      late: hasFlag(view, offset, RecordFlag.LATE),
      context: this.#context(view, offset),
      lines: [],
      nextSeq: seq + 1,
      gap: false,
      kept: 0,
      beyond: 0,
    };
  }

  #context(view: DataView, offset: number): Context {
    const { tty, cwd } = this.#places.of(this.#memory.bytes(view), view, offset);
    return {
      parent: view.getUint32(offset + ContextLayout.parent, true),
      uid: view.getUint32(offset + ContextLayout.uid, true),
      euid: view.getUint32(offset + ContextLayout.euid, true),
      gid: view.getUint32(offset + ContextLayout.gid, true),
      auid: view.getUint32(offset + ContextLayout.auid, true),
      sessionId: view.getUint32(offset + ContextLayout.sessionid, true),
      pidNamespace: view.getUint32(offset + ContextLayout.pid_namespace, true),
      cgroupId: view.getBigUint64(offset + ContextLayout.cgroup_id, true),
      tty,
      cwd,
    };
  }

  #chunk(open: OpenCommand, view: DataView, offset: number): Chunk {
    const size = view.getUint32(offset + TextRecord.size, true);
    const keep = open.kept < KEPT_TEXTS * this.#world.maxText;
    const flags = view.getUint16(offset + RecordHeader.flags, true);
    return {
      bytes: keep ? this.#memory.copy(view, offset + TextRecord.text, size) : null,
      last: (flags & RecordFlag.LAST) !== 0,
      readFailed: (flags & RecordFlag.READ_FAILED) !== 0,
      cut: (flags & RecordFlag.TEXT_CUT) !== 0,
      total: view.getUint32(offset + TextRecord.total, true),
    };
  }

  #finish(tgid: number, open: OpenCommand, ending: Ending): Event {
    const { context } = open;
    const target = this.#world.target(open.target);
    const began = ending.started > 0n ? ending.started : open.time;
    const timeNs = began + this.#world.bootToUnix;
    const typed = typedText(open);
    const expanded = expandedText(open, typed.bytes);
    const max = this.#world.maxText;
    const unread = typed.bytes.length === 0 && (typed.cut || open.gap);
    const cut = open.gap || typed.cut || typed.bytes.length > max || open.beyond > 0;
    const event = this.#event;
    event[at.time] = this.#unixSeconds.of(timeNs);
    event[at.time_ns] = timeNs;
    event[at.uptime] = this.#bootSeconds.of(began);
    event[at.shell] = target?.program ?? null;
    event[at.shell_path] = target?.path ?? null;
    event[at.source] = 'prompt';
    event[at.command] = unread ? null : textCell(cutText(typed.bytes, max));
    event[at.command_length] = unread ? null : typed.length + open.beyond;
    event[at.truncated] = cut ? 1 : 0;
    event[at.expanded] = expanded === null ? null : textCell(cutText(expanded, max));
    event[at.exit_code] = ending.code;
    event[at.duration] = duration(began, ending, open.late);
    event[at.status] = ending.status;
    event[at.pid] = tgid;
    event[at.parent] = context.parent;
    event[at.uid] = context.uid;
    event[at.euid] = context.euid;
    event[at.gid] = context.gid;
    event[at.auid] = context.auid;
    event[at.session_id] = context.sessionId;
    event[at.tty] = context.tty;
    event[at.cwd] = context.cwd;
    event[at.cgroup_id] = context.cgroupId;
    event[at.pid_namespace] = context.pidNamespace;
    return event;
  }
}

const hasFlag = (view: DataView, offset: number, flag: number): boolean =>
  (view.getUint16(offset + RecordHeader.flags, true) & flag) !== 0;

/** Of a command that did not run (a comment, a syntax error) it is 0; null where its end is not known. */
function duration(began: bigint, { time, started }: Ending, late: boolean): number | null {
  if (time === null) return null;
  return started > 0n || late ? Number(time - began) : 0;
}

/** What a REJECTED, END, EXEC or EXIT record says. */
function endingOf(type: number, view: DataView, offset: number): Ending {
  const time = view.getBigUint64(offset + RecordHeader.time, true);
  const started = view.getBigUint64(offset + StatusLayout.started, true);
  const status = view.getInt32(offset + StatusLayout.status, true);
  if (type === ShellRecord.EXEC) return { time, started, code: null, status: 'exec' };
  if (type === ShellRecord.EXIT) return { time, started, ...exitCode(status) };
  return { time, started, code: status === STATUS_UNKNOWN ? null : status, status: 'done' };
}

/** A kernel wait status as a shell tells it: 128 + signal, or the status given to exit(). */
function exitCode(status: number): { code: number; status: 'killed' | 'done' } {
  const signal = status & 0x7f;
  return signal > 0
    ? { code: 128 + signal, status: 'killed' }
    : { code: (status >> 8) & 0xff, status: 'done' };
}
