/** A client of osquery's ExtensionManager: one connection per call, as the core does it the other way. */
import { connect } from 'node:net';
import { LiveAuditError } from '../../native/errors.ts';
import { checkSocketPath } from './socket-path.ts';
import { BinaryReader } from './thrift/binary-reader.ts';
import { BinaryWriter } from './thrift/binary-writer.ts';
import { type Limits, MessageFramer } from './thrift/framer.ts';
import {
  ExtensionCode,
  ExtensionManagerClient,
  type ManagerClient,
  type ManagerMethods,
  type Registry,
  type Response,
  type StringMap,
} from './thrift/index.ts';

/** Replies hold whole results of queries. osquery stops at about 100 MiB in one string. */
const REPLY_LIMITS: Limits = { messageBytes: 256 * 1024 * 1024, entries: 10_000_000 };
const DEFAULT_TIMEOUT_MS = 10_000;
/** Below it osquery says `Incompatible extension SDK version` (1.7.7); above it nothing depends on it. */
const SDK_VERSION = '5.23.0';
const MIN_SDK_VERSION = '1.7.7';

/** What an extension is, in osquery_extensions. */
export interface Extension {
  readonly name: string;
  readonly version: string;
}

/** What an errno of connect(2) on the core's socket means to its user. */
const CONNECT_ERRORS: { readonly [errno: string]: string } = {
  ENOENT: 'no such socket: osquery does not run, or has another socket',
  ECONNREFUSED: 'nobody listens: osquery has stopped',
  EACCES: 'permission denied: run as the user that runs osquery',
  ENOTSOCK: 'not a socket',
};

export class Manager {
  readonly path: string;
  readonly #timeoutMs: number;

  /**
   * @param path of the core's socket (`--extensions_socket`)
   * @param timeoutMs for a whole call
   * @throws LiveAuditError SOCKET_PATH
   */
  constructor(path: string, timeoutMs = DEFAULT_TIMEOUT_MS) {
    checkSocketPath(path);
    this.path = path;
    this.#timeoutMs = timeoutMs;
  }

  /** @throws LiveAuditError OSQUERY_SOCKET, as do all methods */
  async ping(): Promise<void> {
    await this.#call('ping', (client) => client.ping());
  }

  /** The registered extensions by uuid; the core itself is 0. */
  async extensions(): Promise<Map<number, Extension>> {
    const found = await this.#call('extensions', (client) => client.extensions());
    return new Map(
      Object.entries(found).map(([uuid, { name, version }]) => [
        Number(uuid),
        { name: name ?? '', version: version ?? '' },
      ]),
    );
  }

  /** osquery's flags: name to value. */
  async options(): Promise<Map<string, string>> {
    const found = await this.#call('options', (client) => client.options());
    return new Map(Object.entries(found).map(([name, { value }]) => [name, value ?? '']));
  }

  /**
   * @returns the uuid under which the core knows us
   * @throws LiveAuditError OSQUERY_REFUSED with osquery's message
   */
  async registerExtension({ name, version }: Extension, registry: Registry): Promise<number> {
    const info = { name, version, sdk_version: SDK_VERSION, min_sdk_version: MIN_SDK_VERSION };
    const { code, message, uuid } = await this.#call('registerExtension', (client) =>
      client.registerExtension(info, registry),
    );
    if (code !== ExtensionCode.SUCCESS) {
      throw new LiveAuditError('OSQUERY_REFUSED', `'${name}': ${message || `status ${code}`}`);
    }
    if (uuid === null || uuid < 0n || uuid > 0xffff_ffffn) {
      throw new LiveAuditError('PROTOCOL', `osquery gave the extension the uuid ${uuid}`);
    }
    return Number(uuid);
  }

  /** @throws LiveAuditError OSQUERY_REFUSED when the core does not know the uuid */
  async deregisterExtension(uuid: number): Promise<void> {
    const { code, message } = await this.#call('deregisterExtension', (client) =>
      client.deregisterExtension(BigInt(uuid)),
    );
    if (code !== ExtensionCode.SUCCESS) {
      throw new LiveAuditError('OSQUERY_REFUSED', `uuid ${uuid}: ${message || `status ${code}`}`);
    }
  }

  /** @throws LiveAuditError OSQUERY_QUERY with SQLite's message */
  async query(sql: string): Promise<StringMap[]> {
    return rows(await this.#call('query', (client) => client.query(sql)));
  }

  /** One row per column: name to type. @throws LiveAuditError OSQUERY_QUERY */
  async getQueryColumns(sql: string): Promise<StringMap[]> {
    return rows(await this.#call('getQueryColumns', (client) => client.getQueryColumns(sql)));
  }

  async #call<T>(
    method: keyof ManagerMethods,
    request: (client: ManagerClient) => Promise<T>,
  ): Promise<T> {
    let output = new BinaryWriter();
    // The generated client makes its own writer and then flushes.
    class Writer extends BinaryWriter {
      constructor() {
        super();
        output = this;
      }
    }
    const client = new ExtensionManagerClient({ flush: () => {} }, Writer);
    const answer = request(client);
    // The generated code rejects with a bare string when a result is missing.
    const result = answer.catch((error: unknown) => {
      if (error instanceof LiveAuditError) throw error;
      const detail = error instanceof Error ? error.message : String(error);
      throw new LiveAuditError('OSQUERY_QUERY', `${method}: ${detail}`);
    });
    // `result` settles first only when the request cannot be encoded.
    const reply = exchange(this.path, output.bytes, this.#timeoutMs, method);
    const message = await Promise.race([reply, result as Promise<never>]);
    const input = new BinaryReader(message);
    const { fname, mtype, rseqid } = input.readMessageBegin();
    if (fname !== method) {
      throw new LiveAuditError('PROTOCOL', `osquery answered ${method} with '${fname}'`);
    }
    client[`recv_${method}`](input, mtype, rseqid);
    return result;
  }
}

function rows({ status, response }: Response): StringMap[] {
  if (status?.code !== ExtensionCode.SUCCESS) {
    throw new LiveAuditError('OSQUERY_QUERY', status?.message || `status ${status?.code}`);
  }
  return response ?? [];
}

/** Sends one message and gives the one that comes back. */
function exchange(
  path: string,
  request: Uint8Array,
  timeoutMs: number,
  method: string,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const framer = new MessageFramer(REPLY_LIMITS);
    const socket = connect(path);
    const fail = (error: LiveAuditError): void => {
      clearTimeout(timer);
      socket.destroy();
      reject(error);
    };
    const lost = (why: string): void =>
      fail(new LiveAuditError('OSQUERY_SOCKET', `${path}: ${why}`));
    const timer = setTimeout(() => lost(`no answer to ${method} in ${timeoutMs} ms`), timeoutMs);
    socket.on('connect', () => socket.write(request));
    socket.on('error', (error: NodeJS.ErrnoException) =>
      lost(CONNECT_ERRORS[error.code ?? ''] ?? error.message),
    );
    socket.on('close', () => lost(`osquery closed the connection before it answered ${method}`));
    socket.on('data', (chunk: Buffer) => {
      try {
        framer.push(chunk);
        const message = framer.next();
        if (message === undefined) return;
        clearTimeout(timer);
        socket.destroy();
        resolve(message);
      } catch (error) {
        fail(
          error instanceof LiveAuditError ? error : new LiveAuditError('PROTOCOL', String(error)),
        );
      }
    });
  });
}
