/** Metrics of the process that collects: a file that is written again and again, a port on the loopback, or both. */
import { LiveAuditError } from '../../../native/errors.ts';
import { collectorPid } from '../../../tables/collector/state-dir.ts';
import { openTables } from '../../../tables/index.ts';
import type { MetricsConfig } from '../config/metrics.ts';
import { readStatus } from '../status/state.ts';
import { VERSION } from '../version.ts';
import { type Answer, Endpoint } from './endpoint.ts';
import { createExposition, type Exposition } from './exposition.ts';
import { replaceFile } from './file.ts';

/** How often it is looked at whether this process collects. */
const LOOK_MS = 1000;

export interface MetricsOptions {
  readonly config: MetricsConfig;
  readonly stateDir: string;
  readonly log: (line: string) => void;
}

/** @returns null where they are off: then nothing is loaded */
export function startMetrics(options: MetricsOptions): Metrics | null {
  const { file, port } = options.config;
  return file === undefined && port === undefined ? null : new Metrics(options);
}

export class Metrics {
  readonly #options: MetricsOptions;
  readonly #tables: ReturnType<typeof openTables>;
  readonly #exposition: Promise<Exposition>;
  readonly #timer: NodeJS.Timeout;
  #endpoint: Endpoint | null = null;
  #writtenAt = Number.NEGATIVE_INFINITY;
  #trouble: string | null = null;
  #stopped = false;

  constructor(options: MetricsOptions) {
    this.#options = options;
    this.#tables = openTables(options.stateDir);
    this.#exposition = createExposition();
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
    this.#timer.unref();
    this.#look();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#endpoint?.close();
    this.#endpoint = null;
    this.#stopped = true;
    this.#tables.close();
  }

  /** Of several processes with the same config only the one that collects may have the file and the port. */
  #look(): void {
    const { config, stateDir } = this.#options;
    if (collectorPid(stateDir) !== process.pid) {
      this.#endpoint?.close();
      this.#endpoint = null;
      return;
    }
    if (config.port !== undefined) this.#endpoint ??= this.#listen(config.port);
    if (config.file !== undefined && this.#isDue(config.interval)) this.#write(config.file);
  }

  #isDue(interval: number): boolean {
    const now = performance.now();
    if (now - this.#writtenAt < interval * 1000) return false;
    this.#writtenAt = now;
    return true;
  }

  #listen(port: number): Endpoint {
    return new Endpoint(
      port,
      () => this.#answer(),
      (error) => {
        this.#endpoint = null;
        this.#say(`port ${port}: ${error.message}`, error);
      },
    );
  }

  #write(file: string): void {
    this.#answer()
      .then(({ text }) => {
        replaceFile(file, text);
        this.#trouble = null;
      })
      .catch((error: Error) => this.#say(error.message, error));
  }

  async #answer(): Promise<Answer> {
    const exposition = await this.#exposition;
    if (this.#stopped) throw new Error('stopped');
    const status = readStatus(VERSION, this.#options.stateDir, this.#tables);
    const text = await exposition.text(status);
    return { contentType: exposition.contentType, text };
  }

  /** Once until it changes: capture goes on without metrics. */
  #say(detail: string, cause: Error): void {
    if (this.#stopped || detail === this.#trouble) return;
    this.#trouble = detail;
    this.#options.log(new LiveAuditError('METRICS', `metrics: ${detail}`, { cause }).line);
  }
}
