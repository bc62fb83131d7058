/** A source as the collector runs it: the ring files of its tables, and the session that fills them. */
import type { TableSpec } from '../../extension/sdk/spec.ts';
import { LiveAuditError } from '../../native/errors.ts';
import type { CollectorOptions } from './collector.ts';
import { COLLECTOR_DEFAULTS } from './defaults.ts';
import { failedTable, type ProbeState } from './probe-state.ts';
import { RingPlace } from './ring-place.ts';
import type { Source, SourceSession } from './source.ts';
import { Trouble } from './trouble.ts';

export class RunningSource {
  readonly #options: CollectorOptions;
  readonly #source: Source;
  readonly #trouble: Trouble;
  #rings: RingPlace[] = [];
  #session: SourceSession | null = null;
  #failure: string | null = null;

  /** @throws LiveAuditError RING_* */
  constructor(options: CollectorOptions, source: Source) {
    this.#options = options;
    this.#source = source;
    this.#trouble = new Trouble(options.log);
    this.#begin();
  }

  /** Why nothing is captured, or null where it is. */
  get failure(): string | null {
    return this.#session === null ? this.#failure : null;
  }

  states(): ProbeState[] {
    if (this.#session !== null) return this.#session.probeStates();
    return this.#tables.map((table) => failedTable(table, this.#failure ?? 'nothing is captured'));
  }

  /** @param inPlace whether the state directory is still there */
  tick(inPlace: boolean): void {
    if (this.#session !== null && !(inPlace && this.#rings.every((ring) => ring.isInPlace))) {
      this.#lose('a ring file was removed');
    }
    if (this.#rings.length === 0 && inPlace) this.#beginAgain();
    this.#session?.tick();
  }

  close(): void {
    this.#session?.close();
    this.#session = null;
    for (const ring of this.#rings.splice(0)) ring.close();
  }

  get #tables(): string[] {
    return this.#source.specs.map(({ name }: TableSpec) => name);
  }

  #begin(): void {
    const { stateDir, log } = this.#options;
    const { maxText, redaction } = { ...COLLECTOR_DEFAULTS, ...this.#options };
    try {
      for (const spec of this.#source.specs) this.#rings.push(new RingPlace(this.#options, spec));
      const writers = new Map(this.#rings.map(({ writer }, i) => [this.#tables[i] ?? '', writer]));
      this.#session = this.#source.start({ stateDir, writers, maxText, redaction, log });
    } catch (error) {
      const isOurs = error instanceof LiveAuditError && !error.code.startsWith('RING');
      if (!isOurs) {
        this.close();
        throw error;
      }
      this.#failure = error.line;
      log(`${this.#tables.join(', ')}: no capture: ${error.line}`);
    }
  }

  #lose(reason: string): void {
    this.close();
    this.#failure = reason;
    this.#options.log(`${this.#tables.join(', ')}: ${reason}`);
  }

  #beginAgain(): void {
    try {
      this.#begin();
      this.#trouble.over();
      if (this.#session !== null) this.#options.log('the ring files of audit are begun anew');
    } catch (error) {
      if (!(error instanceof LiveAuditError)) throw error;
      this.#failure = error.line;
      this.#trouble.tell(error.line);
    }
  }
}
