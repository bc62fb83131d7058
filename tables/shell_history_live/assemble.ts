/**
 * From ordered records to whole commands: one state machine per process, pure (no clock, no files).
 *
 *   CONTEXT → LINE (EXPANDED)? … → END | EXEC | EXIT → one row
 *
 * A missing record shows as a gap in `seq`: the row is stored all the same, marked `truncated`.
 */
import { RecordFlag, RecordHeader, u64 } from '../../native/events.ts';
import type { Assembler, World } from '../collector/capture.ts';
import type { Event } from '../event.ts';
import { RecordMemory } from '../events/record-memory.ts';
import { PLAIN } from '../redact/guarded.ts';
import type { Redactor } from '../redact/redactor.ts';
import { type Chunk, chunkAt, hasFlag } from './chunk.ts';
import {
  addExpanded,
  addLine,
  addTyped,
  addWhole,
  type Dialect,
  detach,
  goesOn,
  type OpenCommand,
  STATE_VERSION,
  takeBack,
} from './command.ts';
import { Contexts } from './context.ts';
import { endingOf, GIVEN_UP, UNKNOWN_END } from './ending.ts';
import { masked } from './masked.ts';
import { Origins } from './origin.ts';
import { ContextLayout, ShellRecord, shellRecordType, UNREADABLE } from './records.ts';
import { CommandRow } from './row.ts';

/** Texts of one command, typed and expanded, beyond this many times max_text are only measured. */
const KEPT_TEXTS = 4;
/** Shells without an open command that have an entry. */
const SHELLS_KEPT = 1024;

/** How the texts of a shell are written that are not as typed. */
const DIALECT: Readonly<Record<number, Dialect>> = {
  [ShellRecord.META_LINE]: 'zsh',
  [ShellRecord.WIDE_LINE]: 'fish',
};

export class ShellAssembler implements Assembler {
  readonly #world: World;
  readonly #redactor: Redactor;
  /**
   * The command of each shell that is not over; null where its last one is. An entry stays: a map that is
   * added to and deleted from with each command makes garbage that outlives its time.
   */
  readonly #shells = new Map<number, OpenCommand | null>();
  #openCount = 0;
  readonly #memory = new RecordMemory();
  /** Some text lies in the kernel's memory. */
  #borrowed = false;
  readonly #contexts: Contexts;
  readonly #row: CommandRow;

  constructor(world: World, origins = new Origins()) {
    this.#world = world;
    this.#redactor = world.redactor ?? PLAIN;
    this.#contexts = new Contexts(origins);
    this.#row = new CommandRow(world, this.#memory);
  }

  get isOpen(): boolean {
    return this.#openCount > 0;
  }

  get openPids(): readonly number[] {
    return this.#openCommands().map(([tgid]) => tgid);
  }

  save(): unknown {
    const open = this.#openCommands().map(
      ([tgid, command]) => [tgid, masked(command, this.#redactor)] as const,
    );
    return { version: STATE_VERSION, open: new Map(open) };
  }

  #openCommands(): [number, OpenCommand][] {
    return [...this.#shells].filter((entry): entry is [number, OpenCommand] => entry[1] !== null);
  }

  restore(state: unknown): void {
    const saved = state as { version?: unknown; open?: unknown } | null;
    if (saved?.version !== STATE_VERSION || !(saved.open instanceof Map)) return;
    // The file is ours alone, and its version says that it holds what `save` gave.
    for (const [tgid, open] of saved.open as Map<number, OpenCommand>) this.#opened(tgid, open);
  }

  accept(view: DataView, offset: number, length: number): Event | null | 'unreadable' {
    const type = shellRecordType(view, offset, length);
    if (type === UNREADABLE) return 'unreadable';
    const tgid = view.getUint32(offset + RecordHeader.tgid, true);
    const seq = view.getUint32(offset + RecordHeader.seq, true);
    const open = this.#shells.get(tgid);
    if (type === ShellRecord.CONTEXT) {
      if (open) this.#closed(tgid);
      this.#opened(tgid, this.#begin(view, offset, seq));
      if (!open) return null;
      open.gap = true; // its end never came: that record was lost
      return this.#row.of(tgid, open, UNKNOWN_END);
    }
    if (!open) return null;
    // The chunks of a text that no NUL ends have one number.
    if (seq !== open.nextSeq && !(seq === open.nextSeq - 1 && goesOn(open))) open.gap = true;
    open.nextSeq = seq + 1;
    if (type === ShellRecord.LINE) addLine(open, this.#chunk(open, view, offset));
    else if (type >= ShellRecord.INPUT) this.#addInput(type, open, view, offset);
    else if (type === ShellRecord.EXPANDED) addExpanded(open, this.#chunk(open, view, offset));
    else if (type === ShellRecord.REJECTED && !hasFlag(view, offset, RecordFlag.LAST))
      takeBack(open);
    else {
      this.#closed(tgid);
      if (type === ShellRecord.FILTERED) return null;
      return this.#row.of(tgid, open, endingOf(type, view, offset));
    }
    return null;
  }

  detach(): void {
    if (!this.#borrowed) return;
    this.#borrowed = false;
    for (const open of this.#shells.values()) if (open) detach(open);
  }

  abandon(tgid: number): Event | null {
    const open = this.#shells.get(tgid);
    if (!open) return null;
    this.#closed(tgid);
    return this.#row.of(tgid, open, GIVEN_UP);
  }

  #opened(tgid: number, open: OpenCommand): void {
    this.#shells.set(tgid, open);
    this.#openCount++;
    if (this.#shells.size <= 2 * this.#openCount + SHELLS_KEPT) return;
    for (const [shell, command] of this.#shells) if (!command) this.#shells.delete(shell);
  }

  #closed(tgid: number): void {
    this.#shells.set(tgid, null);
    this.#openCount--;
  }

  #addInput(type: number, open: OpenCommand, view: DataView, offset: number): void {
    const chunk = this.#chunk(open, view, offset);
    if (type === ShellRecord.META_EXPANDED) {
      addWhole(open, chunk);
      return;
    }
    open.dialect = DIALECT[type] ?? 'plain';
    addTyped(open, chunk, type !== ShellRecord.WIDE_LINE);
  }

  #begin(view: DataView, offset: number, seq: number): OpenCommand {
    return {
      dialect: 'plain',
      source: view.getUint32(offset + ContextLayout.source, true),
      time: u64(view, offset + RecordHeader.time),
      target: view.getUint32(offset + RecordHeader.target, true),
      late: hasFlag(view, offset, RecordFlag.LATE),
      context: this.#contexts.of(this.#memory, view, offset),
      lines: [],
      whole: null,
      nextSeq: seq + 1,
      gap: false,
      ownLines: 0,
      kept: 0,
      beyond: 0,
    };
  }

  #chunk(open: OpenCommand, view: DataView, offset: number): Chunk {
    this.#borrowed = true;
    return chunkAt(this.#memory, view, offset, open.kept < KEPT_TEXTS * this.#world.maxText);
  }
}
