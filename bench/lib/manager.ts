/** As much of an osquery core as an extension notices: it registers, pings every 3 s, and knows its own. */
import { once } from 'node:events';
import type net from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { extensionSocketPath } from '../../extension/sdk/socket-path.ts';
import { ExtensionCode, type ExtensionInfo } from '../../extension/sdk/thrift/index.ts';
import { ExtensionClient, serveManager } from './thrift.ts';

/** osquery's own default (--extensions_interval). */
const PING_MS = 3000;
const UUID = 4711;
const ANSWER_MS = 2000;

export class Manager {
  readonly socket: string;
  /** performance.now() when the extension asked to be registered. */
  readonly registered: Promise<number>;
  readonly client: ExtensionClient;
  readonly #server: net.Server;
  readonly #pings: NodeJS.Timeout;
  #known: ExtensionInfo | null = null;
  #failure: unknown = null;

  private constructor(directory: string) {
    this.socket = path.join(directory, 'osquery.em');
    const { promise, resolve } = Promise.withResolvers<number>();
    this.registered = promise;
    this.client = new ExtensionClient(extensionSocketPath(this.socket, UUID));
    const ok = { code: ExtensionCode.SUCCESS, message: 'OK', uuid: BigInt(UUID) };
    this.#server = serveManager(this.socket, {
      ping: (reply) => reply(null, ok),
      extensions: (reply) => reply(null, this.#known === null ? {} : { [UUID]: this.#known }),
      options: (reply) => reply(null, {}),
      registerExtension: (info, _registry, reply) => {
        resolve(performance.now());
        this.#known = info;
        reply(null, ok);
      },
    });
    this.#pings = setInterval(() => {
      if (this.#known === null) return;
      this.client.ping().catch((error: unknown) => {
        this.#failure ??= error;
      });
    }, PING_MS);
  }

  /** @param directory of the socket */
  static async start(directory: string): Promise<Manager> {
    const manager = new Manager(directory);
    await once(manager.#server, 'listening');
    return manager;
  }

  /** Resolves when the registered extension answers: it listens only after it has its uuid. */
  async answered(): Promise<void> {
    const deadline = (await this.registered) + ANSWER_MS;
    for (;;) {
      try {
        await this.client.ping();
        return;
      } catch (error) {
        if (performance.now() > deadline) throw error;
        await sleep(1);
      }
    }
  }

  /**
   * Ping no more: the extension is about to be stopped.
   * @param strict whether a failed ping matters
   * @throws the first failed ping: what was measured meanwhile means nothing
   */
  endPings(strict = true): void {
    clearInterval(this.#pings);
    if (strict && this.#failure !== null) throw this.#failure;
  }

  close(): void {
    this.#server.close();
  }
}
