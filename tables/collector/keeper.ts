/**
 * Keeps trying to be the collector: at once, and again whenever the one that collects may have gone. What
 * stands in the way is not thrown: the tables are served all the same, and say it.
 */
import { LiveAuditError } from '../../native/errors.ts';
import { Collector, type CollectorOptions } from './collector.ts';
import { failedTable, type ProbeState } from './probe-state.ts';

/** A waiting process takes over within half a second. */
const RETRY_MS = 500;

export class CollectorKeeper {
  #options: CollectorOptions;
  #collector: Collector | null = null;
  #timer: NodeJS.Timeout | undefined;
  #failure: string | null = null;

  constructor(options: CollectorOptions) {
    this.#options = options;
  }

  /** Try now, and go on trying until it works or `stop` is called. */
  start(): void {
    try {
      this.#collector = Collector.start(this.#options);
      this.#failure = null;
    } catch (error) {
      const line = error instanceof LiveAuditError ? error.line : String(error);
      if (line !== this.#failure) this.#options.log(`no capture: ${line}`);
      this.#failure = line;
    }
    if (this.#collector) this.#options.log('collecting');
    else this.#timer = setTimeout(() => this.start(), RETRY_MS);
  }

  /** Why this process cannot collect, as a row for each table; none where it can, or another does. */
  get failures(): ProbeState[] {
    const failure = this.#failure;
    if (failure === null) return [];
    const { captures, sources = [] } = this.#options;
    const specs = [
      ...captures.map(({ spec }) => spec),
      ...sources.flatMap((source) => source.specs),
    ];
    return specs.map(({ name }) => failedTable(name, failure));
  }

  /** Go on under another config; with pins nothing is lost in between. */
  reconfigure(options: CollectorOptions): void {
    this.stop();
    this.#options = options;
    this.start();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#collector?.stop();
    this.#collector = null;
  }
}
