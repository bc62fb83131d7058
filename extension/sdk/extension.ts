/** The life of an extension: connect, register, serve, watch that the core still knows us, leave. */
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LiveAuditError } from '../../native/errors.ts';
import type { ServedTable } from './context.ts';
import { Manager } from './manager.ts';
import type { Plugin } from './plugin.ts';
import { PluginSet } from './plugin-set.ts';
import { ExtensionServer } from './server.ts';
import { extensionSocketPath } from './socket-path.ts';

/** The core removes an extension after one failed ping; we forgive it a pause. */
const MISSES_UNTIL_GONE = 3;
/** Between attempts to connect or register at the start, and the first after a loss. */
const RETRY_MS = 200;
const MAX_BACK_OFF_MS = 60_000;
/** A watch call that takes longer is a miss. */
const WATCH_TIMEOUT_MS = 5000;

export interface ExtensionOptions {
  /** Path of the core's socket: `--socket`. */
  readonly socket: string;
  readonly name: string;
  readonly version: string;
  readonly tables?: readonly ServedTable[];
  /** Loggers, configs, distributed: `loggerPlugin` and so on make them. */
  readonly plugins?: readonly Plugin[] | undefined;
  /** Seconds to wait for the core's socket at the start: `--timeout`. */
  readonly timeout: number;
  /** Seconds between looks at the core: `--interval`. */
  readonly interval: number;
  /** Seconds to look for a core that is gone, such as one that starts anew; three intervals without it. */
  readonly patience?: number;
  /** The process that started us: when it is our parent no more, the core has died, and nobody else will stop us. */
  readonly parent?: number | undefined;
  /** One line each. */
  readonly log: (line: string) => void;
  /** Aborting it (SIGTERM) leaves with the reason 'aborted'. */
  readonly signal?: AbortSignal;
  /** Each time that the core has given us a uuid and we listen. */
  readonly onRegistered?: (uuid: number) => void;
}

/**
 * `shutdown`: the core asked for it. `aborted`: the signal. `manager-gone`: the core's socket is gone or
 * silent; it starts a new extension when it is back, so the process should exit, with a failure.
 */
export type LeaveReason = 'shutdown' | 'aborted' | 'manager-gone';

/**
 * Serves tables to osquery until there is a reason to leave; our socket file is gone then.
 * @throws LiveAuditError SOCKET_PATH, TABLE_SPEC; OSQUERY_SOCKET when the core is not there in time;
 *   OSQUERY_REFUSED when it does not want us
 */
export async function serveExtension(options: ExtensionOptions): Promise<LeaveReason> {
  return new Extension(options).run();
}

class Extension {
  readonly #options: ExtensionOptions;
  readonly #manager: Manager;
  /** The same, less patient. */
  readonly #watched: Manager;
  readonly #plugin: PluginSet;
  readonly #leave = new AbortController();
  #uuid = -1;
  #server: ExtensionServer | undefined;

  constructor(options: ExtensionOptions) {
    this.#options = options;
    const watchMs = Math.max(options.interval * 1000, RETRY_MS);
    this.#manager = new Manager(options.socket);
    this.#watched = new Manager(options.socket, {
      timeoutMs: Math.min(watchMs, WATCH_TIMEOUT_MS),
    });
    this.#plugin = new PluginSet(options.tables ?? [], options.plugins);
  }

  async run(): Promise<LeaveReason> {
    const { signal } = this.#options;
    const abort = (): void => this.#leave.abort('aborted');
    signal?.addEventListener('abort', abort);
    if (signal?.aborted) abort();
    try {
      await this.#start();
      await this.#watch();
      return this.#leave.signal.reason as LeaveReason;
    } finally {
      signal?.removeEventListener('abort', abort);
      await this.#server?.close();
    }
  }

  /** The core may start us before its socket answers, or before it has noticed our predecessor's end. */
  async #start(): Promise<void> {
    const deadline = performance.now() + this.#options.timeout * 1000;
    while (!this.#leaving) {
      try {
        await this.#register();
        return;
      } catch (error) {
        if (!mayPass(error) || performance.now() > deadline) throw error;
        await this.#pause(RETRY_MS);
      }
    }
  }

  async #register(): Promise<void> {
    const { socket, name, version, log, onRegistered } = this.#options;
    const uuid = await this.#manager.registerExtension({ name, version }, this.#plugin.registry);
    const server = new ExtensionServer({
      path: extensionSocketPath(socket, uuid),
      uuid,
      plugin: this.#plugin,
      log,
      onShutdown: () => this.#leave.abort('shutdown'),
    });
    const before = this.#server;
    // A core that started anew may give the same uuid: closing removes the socket file, so it comes first then.
    if (before?.path === server.path) await before.close();
    await server.listen().catch(async (error: unknown) => {
      // Or the core would take us for alive until it pings.
      await this.#manager.deregisterExtension(uuid).catch(() => {});
      throw error;
    });
    this.#server = server;
    this.#uuid = uuid;
    log(`registered as ${name} with uuid ${uuid}`);
    onRegistered?.(uuid);
    await before?.close();
  }

  /** Until there is a reason to leave. */
  async #watch(): Promise<void> {
    const { interval, log, patience = 0 } = this.#options;
    let misses = 0;
    let seen = performance.now();
    // What is added to the interval while the core keeps forgetting or refusing us.
    let backOffMs = 0;
    while (!this.#leaving) {
      await this.#pause(interval * 1000 + backOffMs);
      if (this.#leaving) return;
      if (this.#isOrphan) {
        this.#leave.abort('manager-gone');
        return;
      }
      try {
        const known = await this.#known();
        misses = 0;
        seen = performance.now();
        backOffMs = known ? 0 : nextBackOff(backOffMs);
        if (known) continue;
        log(`osquery no longer knows uuid ${this.#uuid}: registering again`);
        await this.#register();
      } catch (error) {
        log(error instanceof LiveAuditError ? error.message : String(error));
        if (error instanceof LiveAuditError && error.code === 'OSQUERY_REFUSED') continue;
        misses++;
        // Without the directory of its socket it does not come back to it.
        const mayReturn = existsSync(dirname(this.#options.socket));
        const isPatient = mayReturn && performance.now() - seen < patience * 1000;
        if (misses >= MISSES_UNTIL_GONE && !isPatient) this.#leave.abort('manager-gone');
      }
    }
  }

  /** A ping that answers is not enough: the core can forget an extension that is alive. */
  async #known(): Promise<boolean> {
    const known = (await this.#watched.extensions()).get(this.#uuid);
    return known?.name === this.#options.name;
  }

  get #isOrphan(): boolean {
    const { parent } = this.#options;
    return parent !== undefined && process.ppid !== parent;
  }

  get #leaving(): boolean {
    return this.#leave.signal.aborted;
  }

  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#leave.signal }).catch(() => {});
  }
}

const nextBackOff = (ms: number): number => Math.min(ms === 0 ? RETRY_MS : ms * 2, MAX_BACK_OFF_MS);

/** Worth another try within the time-out. */
function mayPass(error: unknown): boolean {
  if (!(error instanceof LiveAuditError)) return false;
  if (error.code === 'OSQUERY_SOCKET') return true;
  // Our predecessor was killed and the core has not pinged it since.
  return error.code === 'OSQUERY_REFUSED' && /duplicate extension|conflicts/i.test(error.message);
}
