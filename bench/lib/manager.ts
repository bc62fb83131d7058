/** The core that benchmarks register extensions at: the SDK's mock, which pings as osquery does. */
import path from 'node:path';
import type { ExtensionClient } from '../../extension/sdk/testing/extension-client.ts';
import { MockManager } from '../../extension/sdk/testing/mock-manager.ts';

/** osquery's own default (--extensions_interval). */
const PING_MS = 3000;

export class Manager {
  readonly socket: string;
  /** performance.now() when the extension asked to be registered. */
  readonly registered: Promise<number>;
  readonly #mock: MockManager;
  #client: ExtensionClient | undefined;
  #pings: NodeJS.Timeout | undefined;
  #failure: unknown = null;

  private constructor(mock: MockManager) {
    this.#mock = mock;
    this.socket = mock.socket;
    this.registered = mock.registered.then(() => performance.now());
  }

  /** @param directory of the socket */
  static async start(directory: string): Promise<Manager> {
    return new Manager(await MockManager.start({ socket: path.join(directory, 'osquery.em') }));
  }

  /** Resolves when the registered extension answers: it listens only after it has its uuid. */
  async answered(): Promise<void> {
    const client = await this.#mock.extension();
    this.#client = client;
    this.#pings ??= setInterval(() => {
      client.ping().catch((error: unknown) => {
        this.#failure ??= error;
      });
    }, PING_MS);
  }

  /** Of the extension that has answered. */
  get client(): ExtensionClient {
    if (this.#client === undefined) throw new Error('no extension has answered yet');
    return this.#client;
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

  async close(): Promise<void> {
    await this.#mock.close();
  }
}
