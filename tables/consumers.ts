/**
 * Named consumers of an event table: `WHERE consumer = 'soc'` gives what the consumer `soc` has not had, at least
 * once. Its position is the eid up to which it had all, a file of its own in the state directory.
 *
 * An answer counts as had when the same process is asked by the same consumer again: osquery runs a query anew only
 * after it has logged the last result. So after a restart of either side the last answer is given once more.
 */
import fs from 'node:fs';
import path from 'node:path';
import type { ColumnSpec, TableSpec } from '../extension/sdk/spec.ts';
import { LiveAuditError } from '../native/errors.ts';

export const CONSUMER = 'consumer';

const COLUMN: ColumnSpec = {
  name: CONSUMER,
  type: 'TEXT',
  description:
    "Name of who reads: `WHERE consumer = 'NAME'` gives only what NAME has not had, each event at least once. NULL without it.",
  hidden: true,
  push: 'equal',
};

/** A file name that is none of the shell's or the file system's special ones, and short. */
const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/;
/** Per table. */
const MAX_CONSUMERS = 64;
/** Digits of a safe integer. */
const POSITION = /^\d{1,16}$/;
const DIRECTORY = 'consumers';

/** An event table as it is served. */
export function withConsumer(spec: TableSpec): TableSpec {
  return { ...spec, columns: [...spec.columns, COLUMN] };
}

export class Consumers {
  readonly #directory: string;
  /** Answers that were read to their end, and not yet followed by another question. */
  readonly #taken = new Map<string, number>();

  /** @param stateDir is made by the collector */
  constructor(stateDir: string, table: string) {
    this.#directory = path.join(stateDir, DIRECTORY, table);
  }

  /**
   * The consumer asks again, so it has had its last answer.
   * @param last the newest eid of the ring: a position beyond it is of another ring, and means nothing
   * @returns the eid up to which it had all, 0 at first
   * @throws LiveAuditError CONSUMER
   */
  begin(name: string, last: number): number {
    if (!NAME.test(name)) throw refuse(`the name ${JSON.stringify(name.slice(0, 80))}`);
    const stored = this.#read(name);
    const taken = this.#taken.get(name);
    this.#taken.delete(name);
    const position = Math.max(stored ?? 0, taken ?? 0);
    if (position > last) return 0;
    if (stored !== position) this.#write(name, position);
    return position;
  }

  /** The client has read an answer that went up to `eid`. */
  take(name: string, eid: number): void {
    this.#taken.set(name, eid);
  }

  /** undefined where there is none, or none that makes sense. */
  #read(name: string): number | undefined {
    try {
      const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = fs.constants;
      const fd = fs.openSync(path.join(this.#directory, name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
      try {
        const bytes = Buffer.alloc(32);
        const text = bytes.toString('latin1', 0, fs.readSync(fd, bytes)).trim();
        return POSITION.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : undefined;
      } finally {
        fs.closeSync(fd);
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw refuse(String(error));
    }
  }

  /** Whole or not at all: a new file takes the name. */
  #write(name: string, position: number): void {
    const file = path.join(this.#directory, name);
    // No consumer's name begins with a point.
    const fresh = path.join(this.#directory, `.${name}.${process.pid}`);
    try {
      fs.mkdirSync(path.dirname(this.#directory), { mode: 0o700, recursive: true });
      fs.mkdirSync(this.#directory, { mode: 0o700, recursive: true });
      if (!fs.existsSync(file) && this.#names().length >= MAX_CONSUMERS)
        throw refuse(`there are ${MAX_CONSUMERS} already: remove one of ${this.#directory}`);
      fs.rmSync(fresh, { force: true });
      fs.writeFileSync(fresh, `${position}\n`, { mode: 0o600, flag: 'wx' });
      fs.renameSync(fresh, file);
    } catch (error) {
      throw error instanceof LiveAuditError ? error : refuse(String(error));
    }
  }

  #names(): string[] {
    return fs.readdirSync(this.#directory).filter((name) => NAME.test(name));
  }
}

const refuse = (what: string): LiveAuditError =>
  new LiveAuditError('CONSUMER', `consumer: ${what}`);
