/** The tables that one collector captures, and those that it would if it could. */
import { LiveAuditError } from '../../native/errors.ts';
import type { Capture } from './capture.ts';
import { CapturedTable } from './captured-table.ts';
import type { CollectorOptions } from './collector.ts';
import { failedTable, type ProbeState } from './probe-state.ts';
import type { CaptureSession } from './session.ts';
import { Trouble } from './trouble.ts';

export class CapturedTables {
  readonly #options: CollectorOptions;
  readonly #keepCapture: boolean;
  readonly #trouble: Trouble;
  #tables: CapturedTable[] = [];
  /** Whose ring file went, until it is begun anew; and why. */
  #absent: { readonly capture: Capture; readonly reason: string }[] = [];

  constructor(options: CollectorOptions, keepCapture: boolean) {
    this.#options = options;
    this.#keepCapture = keepCapture;
    this.#trouble = new Trouble(options.log);
  }

  /** @throws LiveAuditError RING_* */
  start(): void {
    for (const capture of this.#options.captures) this.#tables.push(this.#begin(capture));
  }

  #begin(capture: Capture): CapturedTable {
    return new CapturedTable(this.#options, capture, this.#keepCapture);
  }

  get sessions(): CaptureSession[] {
    return this.#tables.flatMap(({ session }) => session ?? []);
  }

  /** Why nothing at all is captured, or null where something is. */
  get failure(): string | null {
    if (this.sessions.length > 0) return null;
    return this.#absent[0]?.reason ?? this.#tables[0]?.failure?.last_error ?? null;
  }

  states(): ProbeState[] {
    return [
      ...this.#absent.map(({ capture, reason }) => failedTable(capture.spec.name, reason)),
      ...this.#tables.flatMap(({ session, failure }) =>
        failure ? [failure] : (session?.probeStates() ?? []),
      ),
    ];
  }

  loseAll(reason: string): void {
    for (const table of this.#tables) this.#lose(table, reason);
    this.#tables = [];
  }

  #lose(table: CapturedTable, reason: string): void {
    table.close();
    this.#absent.push({ capture: table.capture, reason });
    this.#options.log(`${table.capture.spec.name}: ${reason}`);
  }

  /**
   * Begin the ring files anew that are gone.
   * @returns whether there are new sessions
   */
  mend(): boolean {
    const lost = this.#tables.filter((table) => !table.isInPlace);
    this.#tables = this.#tables.filter((table) => !lost.includes(table));
    for (const table of lost) this.#lose(table, 'its ring file was removed');
    let mended = false;
    for (const absent of this.#absent.splice(0)) {
      try {
        this.#tables.push(this.#begin(absent.capture));
        mended = true;
        this.#trouble.over();
      } catch (error) {
        if (!(error instanceof LiveAuditError)) throw error;
        this.#absent.push({ ...absent, reason: error.line });
        this.#trouble.tell(`${absent.capture.spec.name}: ${error.line}`);
      }
    }
    return mended;
  }

  close(): void {
    for (const table of this.#tables.splice(0)) table.close();
  }
}
