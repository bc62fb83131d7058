/**
 * From ordered records to whole commands: one state machine per process, pure (no clock, no files).
 *
 *   CONTEXT → LINE (EXPANDED)? … → START → END | EXEC | EXIT → one row
 *
 * A missing record shows as a gap in `seq`: the row is stored all the same, marked `truncated`.
 */

import type { World } from '../collector/capture.ts';
import { cutText, toText } from '../events/text.ts';
import { type ShellContext, type ShellEvent, ShellRecord, STATUS_UNKNOWN } from './records.ts';
import type { ShellRow } from './spec.ts';

/** A finished command: the row without its eid, which the ring gives. */
export type ShellCommand = Omit<ShellRow, 'eid'>;

interface Line {
  chunks: Buffer[];
  /** Length of the whole line, bytes. */
  total: number;
  cut: boolean;
}

interface OpenCommand {
  readonly time: bigint;
  readonly target: number;
  readonly context: ShellContext;
  readonly lines: { typed: Line; expanded: Line | null }[];
  started: bigint | null;
  nextSeq: number;
  /** A record of it was lost. */
  gap: boolean;
  /** Bytes of text that are kept for it. */
  kept: number;
  /** Bytes of the lines after MAX_LINES, their newlines included. */
  beyond: number;
}

/** Goes up whenever OpenCommand or what is in it changes. */
const STATE_VERSION = 1;

interface SavedCommands {
  readonly version: number;
  readonly open: ReadonlyMap<number, OpenCommand>;
}

const NEWLINE = Buffer.from('\n');
const NS_PER_S = 1_000_000_000n;
/** A command of more lines is a paste gone wild: the rest is only measured, and truncated says so. */
const MAX_LINES = 65_536;
/** Texts of one command, typed and expanded, beyond this many times max_text are only measured. */
const KEPT_TEXTS = 4;

const newLine = (): Line => ({ chunks: [], total: 0, cut: false });

export class ShellAssembler {
  readonly #world: World;
  readonly #open = new Map<number, OpenCommand>();

  constructor(world: World) {
    this.#world = world;
  }

  /** Processes with a command that is not over. */
  get openPids(): IterableIterator<number> {
    return this.#open.keys();
  }

  get openCount(): number {
    return this.#open.size;
  }

  /** Commands that are not over: for the next collector. */
  save(): SavedCommands {
    return { version: STATE_VERSION, open: this.#open };
  }

  /** @param state what `save` gave; that of another version is left out */
  restore(state: unknown): void {
    const saved = state as Partial<SavedCommands> | null;
    if (saved?.version !== STATE_VERSION || !(saved.open instanceof Map)) return;
    for (const [tgid, open] of saved.open) this.#open.set(tgid, open);
  }

  /** @returns the command that this record completes, if any */
  accept(event: ShellEvent): ShellCommand | null {
    if (event.type === ShellRecord.CONTEXT) {
      const before = this.#open.get(event.tgid);
      this.#open.set(event.tgid, {
        time: event.time,
        target: event.target,
        context: event.context,
        lines: [],
        started: null,
        nextSeq: event.seq + 1,
        gap: false,
        kept: 0,
        beyond: 0,
      });
      // The end of the one before never came: its record was lost.
      return before ? this.#finish(event.tgid, { ...before, gap: true }, null, null, 'done') : null;
    }
    const open = this.#open.get(event.tgid);
    if (!open) return null;
    if (event.seq !== open.nextSeq) open.gap = true;
    open.nextSeq = event.seq + 1;

    switch (event.type) {
      case ShellRecord.LINE:
      case ShellRecord.EXPANDED:
        this.#text(open, event);
        return null;
      case ShellRecord.START:
        open.started = event.time;
        return null;
      case ShellRecord.REJECTED:
        if (!event.last) {
          takeBack(open);
          return null;
        }
        return this.#close(event.tgid, open, event.time, event.status, 'done');
      case ShellRecord.END:
        return this.#close(event.tgid, open, event.time, event.status, 'done');
      case ShellRecord.EXEC:
        return this.#close(event.tgid, open, event.time, null, 'exec');
      case ShellRecord.EXIT: {
        const { code, killed } = exitCode(event.status);
        return this.#close(event.tgid, open, event.time, code, killed ? 'killed' : 'done');
      }
    }
  }

  /** Give up waiting for the end of a process's command: the process is gone, or capture stops. */
  abandon(tgid: number): ShellCommand | null {
    const open = this.#open.get(tgid);
    return open ? this.#close(tgid, open, null, null, 'running at exit') : null;
  }

  #text(open: OpenCommand, event: Extract<ShellEvent, { bytes: Buffer }>): void {
    const current = open.lines.at(-1);
    let line: Line;
    if (event.type === ShellRecord.LINE) {
      // A typed line goes on while its last chunk has not come; else a new one begins.
      if (current && current.expanded === null && current.typed.total < 0) line = current.typed;
      else {
        if (open.lines.length >= MAX_LINES) {
          if (event.last) open.beyond += NEWLINE.length + event.total;
          return;
        }
        line = { ...newLine(), total: -1 };
        open.lines.push({ typed: line, expanded: null });
      }
    } else {
      if (open.beyond > 0) return;
      if (!current) {
        open.gap = true;
        return;
      }
      current.expanded ??= { ...newLine(), total: -1 };
      line = current.expanded;
    }
    const keep = open.kept < KEPT_TEXTS * this.#world.maxText;
    if (keep && event.bytes.length > 0) {
      line.chunks.push(event.bytes);
      open.kept += event.bytes.length;
    }
    line.cut ||= event.readFailed || event.cut || !keep;
    if (!event.last) return;
    line.total = event.total;
    // histverify: the expansion came back for editing, and what is typed next takes the line's place.
    if (event.type === ShellRecord.EXPANDED && event.total === 0 && !event.readFailed)
      takeBack(open);
  }

  #close(
    tgid: number,
    open: OpenCommand,
    end: bigint | null,
    code: number | null,
    status: string,
  ): ShellCommand {
    this.#open.delete(tgid);
    return this.#finish(tgid, open, end, code, status);
  }

  #finish(
    tgid: number,
    open: OpenCommand,
    end: bigint | null,
    code: number | null,
    status: string,
  ): ShellCommand {
    const { context } = open;
    const target = this.#world.target(open.target);
    const typed = joinLines(open.lines.map((line) => line.typed));
    const expanded = expansion(open, typed.bytes);
    const began = open.started ?? open.time;
    const ran = open.started !== null || context.late;
    const max = this.#world.maxText;
    const timeNs = began + this.#world.bootToUnix;
    const unread = typed.bytes.length === 0 && (typed.cut || open.gap);
    const cut = typed.cut || typed.bytes.length > max || open.beyond > 0;
    // Whether it ran at all is not known where the record of its start may be the one that was lost.
    const unran = open.gap ? null : 0;
    return {
      time: Number(timeNs / NS_PER_S),
      time_ns: timeNs,
      uptime: Number(began / NS_PER_S),
      shell: target?.program ?? null,
      shell_path: target?.path ?? null,
      source: 'prompt',
      command: unread ? null : toText(cutText(typed.bytes, max)),
      command_length: unread ? null : typed.length + open.beyond,
      truncated: open.gap || cut ? 1 : 0,
      expanded: expanded ? toText(cutText(expanded, max)) : null,
      exit_code: code === STATUS_UNKNOWN ? null : code,
      duration: end === null ? null : ran ? Number(end - began) : unran,
      status,
      pid: tgid,
      parent: context.parent,
      uid: context.uid,
      euid: context.euid,
      gid: context.gid,
      auid: context.auid,
      session_id: context.sessionId,
      tty: context.tty,
      cwd: context.cwd ? toText(context.cwd) : null,
      remote_address: null,
      remote_port: null,
      cgroup_id: context.cgroupId,
      container_id: null,
      pid_namespace: context.pidNamespace,
    };
  }
}

/** The last line does not count: it was rejected, or came back for editing. */
function takeBack(open: OpenCommand): void {
  if (open.beyond > 0) return;
  const line = open.lines.pop();
  for (const { chunks } of [line?.typed, line?.expanded].filter((text) => text != null))
    for (const chunk of chunks) open.kept -= chunk.length;
}

/** The command after history expansion, or null where it is as typed. */
function expansion({ lines }: OpenCommand, typed: Buffer): Buffer | null {
  if (!lines.some((line) => line.expanded !== null)) return null;
  const { bytes, cut } = joinLines(lines.map((line) => line.expanded ?? line.typed));
  const unreadable = cut && bytes.length === 0;
  // bash also gives back a line that had nothing to expand (`! true`) as another copy.
  return unreadable || bytes.equals(typed) ? null : bytes;
}

/** Lines with the newlines between them; a line that is cut still counts with its true length. */
function joinLines(lines: readonly Line[]): { bytes: Buffer; length: number; cut: boolean } {
  const parts: Buffer[] = [];
  let length = 0;
  let cut = false;
  for (const line of lines) {
    if (parts.length > 0) parts.push(NEWLINE);
    const bytes = concat(line.chunks);
    parts.push(bytes);
    length += Math.max(line.total, bytes.length);
    cut ||= line.cut || line.total < 0;
  }
  return { bytes: concat(parts), length: length + Math.max(lines.length - 1, 0), cut };
}

/** Most texts are one chunk, which needs no copy. */
function concat(parts: readonly Buffer[]): Buffer {
  const [only] = parts;
  return only && parts.length === 1 ? only : Buffer.concat(parts);
}

/** A kernel wait status as a shell tells it: 128 + signal, or the status given to exit(). */
function exitCode(status: number): { code: number; killed: boolean } {
  const signal = status & 0x7f;
  return signal > 0
    ? { code: 128 + signal, killed: true }
    : { code: (status >> 8) & 0xff, killed: false };
}
