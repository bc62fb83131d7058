/** A command while it is typed and runs: what has come of it so far, and the text that comes of that. */
import { isPrintable } from '../events/controls.ts';
import type { Chunk } from './chunk.ts';
import { narrowed, unmetafied, withoutNewline } from './dialect.ts';
import type { Remote } from './origin.ts';
import type { Place } from './place.ts';
import { ShellSource } from './records.ts';

/** A line, or what history expansion made of it. */
export interface Line {
  readonly chunks: Buffer[];
  /** Chunks before this one are copies; the others lie in the kernel's memory. */
  own: number;
  /** Length of the whole text in bytes; negative until its last chunk is here. */
  total: number;
  cut: boolean;
  /** It was read with its newline, which is a part of it. */
  readonly hasNewline: boolean;
  /** A newline was in it: what came behind that is told again, line by line (a paste of several lines). */
  over: boolean;
  /** Its last chunk was looked at, and is printable ASCII. */
  printable: boolean;
}

/** Who types, and where. */
export interface Context extends Place {
  readonly parent: number;
  readonly uid: number;
  readonly euid: number;
  readonly gid: number;
  readonly auid: number;
  readonly sessionId: number;
  readonly pidNamespace: number;
  readonly cgroupId: number | bigint;
  readonly containerId: string | null;
  readonly remote: Remote | null;
}

/** Plain data: the checkpoint holds it. STATE_VERSION goes up whenever it changes. */
export interface OpenCommand {
  /** How its texts are written. */
  dialect: Dialect;
  /** One of ShellSource. */
  readonly source: number;
  /** Of its first line: CLOCK_BOOTTIME, ns. */
  readonly time: number;
  readonly target: number;
  /** Begun before the attach: when it started to run is not known. */
  readonly late: boolean;
  readonly context: Context;
  readonly lines: { typed: Line; expanded: Line | null }[];
  /** The whole command after history expansion, from a shell that tells it so. */
  whole: Line | null;
  nextSeq: number;
  /** A record of it was lost. */
  gap: boolean;
  /** Lines before this one are copies. */
  ownLines: number;
  /** Bytes of text that are kept for it. */
  kept: number;
  /** Bytes of the lines after MAX_LINES, their newlines included. */
  beyond: number;
}

export const STATE_VERSION = 7;

/** plain: as typed; zsh: metafied, with its newlines; fish: in UTF-32. */
export type Dialect = 'plain' | 'zsh' | 'fish';

const NEWLINE = Buffer.from('\n');
const NO_NEWLINE = Buffer.alloc(0);
const NEWLINE_BYTE = 0x0a;
/** A command of more lines is a paste gone wild: the rest is only measured, and truncated says so. */
const MAX_LINES = 65_536;

const newLine = (hasNewline = false): Line => ({
  ...{ chunks: [], own: 0, total: -1, cut: false, hasNewline, over: false, printable: false },
});

/** A line that no newline ends, or a part of it. */
export function addLine(open: OpenCommand, chunk: Chunk): void {
  if (open.source === ShellSource.PROMPT) addReadLine(open, chunk);
  else addTyped(open, chunk);
}

/** A line as readline gave it, or a part of it: bash parses no more of it than one line. */
function addReadLine(open: OpenCommand, chunk: Chunk): void {
  addTyped(open, chunk);
  const line = open.lines.at(-1)?.typed;
  const last = line?.chunks.at(-1);
  if (!line || !last) return;
  line.printable = isPrintable(last);
  const end = line.printable ? -1 : last.indexOf(NEWLINE_BYTE);
  if (end < 0) return;
  line.over = true;
  line.chunks[line.chunks.length - 1] = last.subarray(0, end);
  open.kept -= last.length - end;
  if (line.total >= 0) line.total = lengthOf(line);
}

/** A typed line, or a part of it. */
export function addTyped(open: OpenCommand, chunk: Chunk, hasNewline = false): void {
  const current = open.lines.at(-1);
  // It goes on while its last chunk has not come; else a new one begins.
  if (current && current.expanded === null && current.typed.total < 0) {
    addChunk(open, current.typed, chunk);
  } else if (open.lines.length < MAX_LINES) {
    const line = newLine(hasNewline);
    open.lines.push({ typed: line, expanded: null });
    addChunk(open, line, chunk);
  } else if (chunk.last) open.beyond += NEWLINE.length + chunk.total;
}

/** What history expansion made of the last line, or a part of it. */
export function addExpanded(open: OpenCommand, chunk: Chunk): void {
  if (open.beyond > 0) return;
  const current = open.lines.at(-1);
  if (!current) {
    open.gap = true;
    return;
  }
  current.expanded ??= newLine();
  addChunk(open, current.expanded, chunk);
  // histverify: the expansion came back for editing, and what is typed next takes the line's place.
  if (chunk.last && chunk.total === 0 && !chunk.readFailed) takeBack(open);
}

/** The whole command after history expansion, or a part of it. */
export function addWhole(open: OpenCommand, chunk: Chunk): void {
  open.whole ??= newLine(true);
  addChunk(open, open.whole, chunk);
}

/** Whether more chunks of a text are to come. */
export function goesOn(open: OpenCommand): boolean {
  const last = open.lines.at(-1);
  return (last !== undefined && last.typed.total < 0) || (open.whole?.total ?? 0) < 0;
}

const lengthOf = ({ chunks }: Line): number => chunks.reduce((sum, { length }) => sum + length, 0);

function addChunk(open: OpenCommand, line: Line, chunk: Chunk): void {
  if (line.over) {
    if (chunk.last) line.total = lengthOf(line);
    return;
  }
  if (chunk.bytes !== null && chunk.bytes.length > 0) {
    line.chunks.push(chunk.bytes);
    open.kept += chunk.bytes.length;
  }
  line.cut ||= chunk.readFailed || chunk.cut || chunk.bytes === null;
  if (chunk.last) line.total = chunk.total;
}

/** Copy what is the kernel's memory still: it is given back. */
export function detach(open: OpenCommand): void {
  for (const { typed, expanded } of open.lines.slice(open.ownLines)) {
    detachLine(typed);
    if (expanded) detachLine(expanded);
  }
  if (open.whole) detachLine(open.whole);
  open.ownLines = Math.max(open.lines.length - 1, 0); // the last one may go on
}

function detachLine(line: Line): void {
  for (let i = line.own; i < line.chunks.length; i++)
    line.chunks[i] = Buffer.from(line.chunks[i] ?? '');
  line.own = line.chunks.length;
}

/** The last line does not count: it was rejected, or came back for editing. */
export function takeBack(open: OpenCommand): void {
  if (open.beyond > 0) return;
  const line = open.lines.pop();
  open.ownLines = Math.min(open.ownLines, Math.max(open.lines.length - 1, 0));
  for (const { chunks } of [line?.typed, line?.expanded].filter((text) => text != null))
    for (const chunk of chunks) open.kept -= chunk.length;
}

export interface Text {
  readonly bytes: Buffer;
  /** The true length, bytes. */
  readonly length: number;
  readonly cut: boolean;
  /** It is printable ASCII, as far as anybody looked. */
  readonly printable: boolean;
}

/** The command as it was typed, with the newlines between its lines. */
export function typedText({ lines, dialect }: OpenCommand): Text {
  const [only] = lines;
  const [chunk] = only?.typed.chunks ?? [];
  if (
    only &&
    chunk &&
    dialect === 'plain' &&
    !only.typed.hasNewline &&
    lines.length === 1 &&
    only.typed.chunks.length === 1
  ) {
    const { total, cut, printable } = only.typed; // nearly all commands
    const length = Math.max(total, chunk.length);
    return { bytes: chunk, length, cut: cut || total < 0, printable };
  }
  const typed = lines.map((line) => line.typed);
  return dialect === 'plain' ? joinLines(typed) : translated(typed, dialect);
}

/** The command after history expansion, or null where it is as typed. */
export function expandedText(open: OpenCommand, typed: Buffer): Buffer | null {
  const { lines, whole, dialect } = open;
  if (!whole && !lines.some((line) => line.expanded !== null)) return null;
  const { bytes, cut } = whole
    ? translated([whole], dialect)
    : joinLines(lines.map((line) => line.expanded ?? line.typed));
  const unreadable = cut && bytes.length === 0;
  // bash also gives back a line that had nothing to expand (`! true`) as another copy.
  return unreadable || bytes.equals(typed) ? null : bytes;
}

/** Each line but the last ends in a newline. A line that is cut still counts with its true length. */
function joinLines(lines: readonly Line[]): Text {
  const parts: Buffer[] = [];
  let length = 0;
  let cut = false;
  for (const [i, line] of lines.entries()) {
    const bytes = Buffer.concat(line.chunks);
    const isLast = i === lines.length - 1;
    const whole = isLast && line.hasNewline ? withoutNewline(bytes) : bytes;
    const between = isLast || line.hasNewline ? NO_NEWLINE : NEWLINE;
    parts.push(whole, between);
    length += Math.max(line.total - (bytes.length - whole.length), whole.length) + between.length;
    cut ||= line.cut || line.total < 0 || line.total > bytes.length;
  }
  return { bytes: Buffer.concat(parts), length, cut, printable: false };
}

/** Of a text that is cut the length is that of the shell's own bytes. */
function translated(lines: readonly Line[], dialect: Dialect): Text {
  const { bytes: raw, length, cut } = joinLines(lines);
  const bytes = dialect === 'fish' ? narrowed(raw) : unmetafied(raw);
  const whole = cut ? Math.max(length, bytes.length) : bytes.length;
  return { bytes, length: whole, cut, printable: false };
}
