/**
 * audit.log as auditd writes it: a record a line, `type=SYSCALL msg=audit(…): …`, with `node=NAME ` before it
 * where auditd is told so. The file is read in pieces; lines are never copied.
 */
import fs from 'node:fs';
import type { EventAssembler } from './events.ts';
import { recordTypeNumber } from './names.ts';
import { plainText, startsWith } from './values.ts';

const CHUNK_BYTES = 1024 * 1024;
/** A record has at most 9 KiB, enriched and with hex some more: a longer line is none. */
const MAX_LINE = 512 * 1024;

const NEWLINE = 0x0a;
const SPACE = 0x20;
const LETTER_N = 0x6e;
const NODE = Buffer.from('node=');
const TYPE = Buffer.from('type=');
const MESSAGE = Buffer.from('msg=');

export class LogFile {
  readonly #make: (node: string) => EventAssembler;
  /** One a machine: each counts its events by itself. */
  readonly #assemblers = new Map<string, EventAssembler>();
  #node = '';
  #assembler: EventAssembler;
  /** Numbers of the types by name; a name that is none is kept out. */
  readonly #types = new Map<string, number>();
  /** Lines that were looked at. */
  lines = 0;

  /** @param make of a machine by the name that auditd gives it, which is empty if it gives none */
  constructor(make: (node: string) => EventAssembler) {
    this.#make = make;
    this.#assembler = this.#of('');
  }

  get assemblers(): readonly EventAssembler[] {
    return [...this.#assemblers.values()];
  }

  #of(node: string): EventAssembler {
    let assembler = this.#assemblers.get(node);
    if (assembler === undefined && this.#assemblers.size < MAX_NODES) {
      assembler = this.#make(node);
      this.#assemblers.set(node, assembler);
    }
    return assembler ?? this.#assembler;
  }

  /**
   * Read a file to its end. After each piece the caller may take what came of it.
   * @throws what read(2) throws
   */
  *read(fd: number): Generator<void, void, undefined> {
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES + MAX_LINE);
    let kept = 0;
    let skipping = false;
    for (;;) {
      const count = fs.readSync(fd, buffer, kept, CHUNK_BYTES, null);
      if (count === 0) break;
      const end = kept + count;
      let line = 0;
      for (;;) {
        const newline = buffer.indexOf(NEWLINE, Math.max(line, kept));
        if (newline < 0 || newline >= end) break;
        if (skipping) skipping = false;
        else this.#line(buffer, line, newline);
        line = newline + 1;
        kept = 0;
      }
      kept = end - line;
      if (kept >= MAX_LINE || skipping) {
        if (!skipping) this.#tooLong();
        skipping = true;
        kept = 0;
      } else if (line > 0) buffer.copyWithin(0, line, end);
      for (const assembler of this.#assemblers.values()) assembler.expire(assembler.ms);
      yield;
    }
    if (kept > 0) this.#line(buffer, 0, kept);
  }

  #tooLong(): void {
    this.lines++;
    this.#assembler.unreadable();
  }

  #line(bytes: Buffer, at: number, end: number): void {
    this.lines++;
    if (at === end) return;
    if (end - at > MAX_LINE || !this.#record(bytes, at, end)) this.#assembler.unreadable();
  }

  /** @returns false where the line does not begin as a record does */
  #record(bytes: Buffer, at: number, end: number): boolean {
    let node = '';
    if (bytes[at] === LETTER_N && startsWith(bytes, at, NODE)) {
      const name = at + NODE.length;
      at = bytes.indexOf(SPACE, at) + 1;
      if (at === 0 || at >= end) return false;
      node = plainText(bytes, name, at - 1);
    }
    if (!startsWith(bytes, at, TYPE)) return false;
    const name = at + TYPE.length;
    let space = name;
    while (space < end && bytes[space] !== SPACE) space++;
    const type = this.#type(plainText(bytes, name, Math.min(space, name + MAX_NAME)));
    if (type === null || !startsWith(bytes, space + 1, MESSAGE)) return false;
    if (node !== this.#node) {
      this.#node = node;
      this.#assembler = this.#of(node);
    }
    this.#assembler.accept(type, bytes, space + 1 + MESSAGE.length, end);
    return true;
  }

  #type(name: string): number | null {
    const known = this.#types.get(name);
    if (known !== undefined) return known;
    const number = recordTypeNumber(name);
    if (number !== null && this.#types.size < MAX_TYPES) this.#types.set(name, number);
    return number;
  }
}

const MAX_NAME = 64;
const MAX_TYPES = 4096;
/** Those beyond are taken for one machine with the last. */
const MAX_NODES = 1024;
