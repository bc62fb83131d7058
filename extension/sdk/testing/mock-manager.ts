/**
 * As much of an osquery core as an extension notices, for tests without osquery: extensions register at it, are known
 * or forgotten, and are asked through `extension(uuid)`. It runs no SQL: give `query` what it is to answer.
 */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { extensionSocketPath } from '../socket-path.ts';
import { BinaryReader } from '../thrift/binary-reader.ts';
import { BinaryWriter } from '../thrift/binary-writer.ts';
import { MessageFramer } from '../thrift/framer.ts';
import {
  ExtensionCode,
  type ExtensionInfo,
  ManagerProcessor,
  type Registry,
  type Status,
  type StringMap,
} from '../thrift/index.ts';
import { ExtensionClient } from './extension-client.ts';

const REQUEST_LIMITS = { messageBytes: 64 * 1024 * 1024, entries: 1_000_000 };
const FIRST_UUID = 4711;
/** For an extension to listen: it does so only after it has its uuid. */
const LISTEN_MS = 5000;
const LOOK_MS = 1;

export interface Registration {
  readonly uuid: number;
  readonly info: ExtensionInfo;
  readonly registry: Registry;
}

export interface MockManagerOptions {
  /** Path of its socket; without it one in a directory of its own. */
  readonly socket?: string;
  /** osquery's flags, name to value. */
  readonly options?: StringMap;
  /** Answers the `query` and `getQueryColumns` calls; what it throws is a failure with that message. */
  readonly query?: (sql: string) => readonly StringMap[];
}

export class MockManager {
  readonly socket: string;
  /** Those that are known now, by uuid. */
  readonly registrations = new Map<number, Registration>();
  /** While it is set, registrations are refused with it. */
  refusal: string | undefined;
  readonly #server: Server;
  readonly #clients = new Set<Socket>();
  readonly #ownDirectory: boolean;
  #nextUuid = FIRST_UUID;
  #registered = Promise.withResolvers<Registration>();

  private constructor(socket: string, ownDirectory: boolean, options: MockManagerOptions) {
    this.socket = socket;
    this.#ownDirectory = ownDirectory;
    const processor = new ManagerProcessor(this.#handler(options));
    this.#server = createServer((client) => {
      const framer = new MessageFramer(REQUEST_LIMITS);
      this.#clients.add(client);
      client.on('close', () => this.#clients.delete(client));
      client.on('error', () => client.destroy());
      client.on('data', (chunk: Buffer) => {
        framer.push(chunk);
        for (let next = framer.next(); next !== undefined; next = framer.next()) {
          const output = new BinaryWriter();
          processor.process(new BinaryReader(next), output);
          client.write(output.bytes);
        }
      });
    });
  }

  static async start(options: MockManagerOptions = {}): Promise<MockManager> {
    const socket = options.socket ?? join(mkdtempSync(join(tmpdir(), 'osquery-')), 'osquery.em');
    const manager = new MockManager(socket, options.socket === undefined, options);
    manager.#server.listen(socket);
    await once(manager.#server, 'listening');
    return manager;
  }

  /** The next extension that registers, or the last one that did. It may not listen yet: `extension` waits. */
  get registered(): Promise<Registration> {
    return this.#registered.promise;
  }

  /** The extension of this uuid, or the one that registered last, when it answers. */
  async extension(uuid?: number): Promise<ExtensionClient> {
    const of = uuid ?? (await this.registered).uuid;
    const client = new ExtensionClient(extensionSocketPath(this.socket, of));
    const deadline = performance.now() + LISTEN_MS;
    for (;;) {
      try {
        await client.ping();
        return client;
      } catch (error) {
        if (performance.now() > deadline) throw error;
        await sleep(LOOK_MS);
      }
    }
  }

  /** Deregister an extension behind its back. */
  forget(uuid: number): void {
    this.registrations.delete(uuid);
    this.#registered = Promise.withResolvers();
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const client of this.#clients) client.destroy();
    await closed;
    if (this.#ownDirectory) rmSync(dirname(this.socket), { recursive: true, force: true });
  }

  #register(info: ExtensionInfo, registry: Registry): Status {
    if (this.refusal !== undefined) return failure(this.refusal);
    for (const { info: known } of this.registrations.values())
      if (known.name === info.name) return failure('Duplicate extension registered');
    const uuid = this.#nextUuid++;
    const registration = { uuid, info, registry };
    this.registrations.set(uuid, registration);
    this.#registered.resolve(registration);
    this.#registered = Promise.withResolvers();
    this.#registered.resolve(registration);
    return success(uuid);
  }

  #handler({
    options = {},
    query,
  }: MockManagerOptions): ConstructorParameters<typeof ManagerProcessor>[0] {
    const answer = (sql: string | null) => {
      try {
        if (query === undefined) throw new Error('the mock manager was given no query');
        return { status: success(0), response: [...query(sql ?? '')] };
      } catch (error) {
        return { status: failure((error as Error).message), response: [] };
      }
    };
    return {
      ping: (reply) => reply(null, success(0)),
      extensions: (reply) =>
        reply(
          null,
          Object.fromEntries([...this.registrations].map(([uuid, { info }]) => [uuid, info])),
        ),
      options: (reply) =>
        reply(
          null,
          Object.fromEntries(
            Object.entries(options).map(([name, value]) => [
              name,
              { value, default_value: '', type: 'string' },
            ]),
          ),
        ),
      registerExtension: (info, registry, reply) =>
        reply(null, info ? this.#register(info, registry ?? {}) : failure('no info')),
      deregisterExtension: (uuid, reply) => {
        const known = this.registrations.delete(Number(uuid));
        reply(null, known ? success(0) : failure('No extension UUID registered'));
      },
      query: (sql, reply) => reply(null, answer(sql)),
      getQueryColumns: (sql, reply) => reply(null, answer(sql)),
    };
  }
}

const success = (uuid: number): Status => ({
  code: ExtensionCode.SUCCESS,
  message: 'OK',
  uuid: BigInt(uuid),
});

const failure = (message: string): Status => ({ code: ExtensionCode.FAILED, message, uuid: 0n });
