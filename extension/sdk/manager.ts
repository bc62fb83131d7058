/** A client of osquery's ExtensionManager: one connection per call, as the core does it the other way. */
import { LiveAuditError } from '../../native/errors.ts';
import { checkSocketPath } from './socket-path.ts';
import { callOnce, type Endpoint } from './thrift/client.ts';
import {
  ExtensionCode,
  ManagerClientClass,
  type ManagerMethods,
  type Registry,
  type Response,
  type StringMap,
} from './thrift/index.ts';

const DEFAULT_TIMEOUT_MS = 10_000;
/** Below it osquery says `Incompatible extension SDK version` (1.7.7); above it nothing depends on it. */
const SDK_VERSION = '5.23.0';
const MIN_SDK_VERSION = '1.7.7';

/** What an extension is, in osquery_extensions. */
export interface Extension {
  readonly name: string;
  readonly version: string;
}

export interface ManagerOptions {
  /** For a whole call; 10 s without it. */
  readonly timeoutMs?: number;
  /** To wait for osquery where it is not there or starts anew, in each call; 0 without it. */
  readonly connectMs?: number;
}

export class Manager {
  readonly path: string;
  readonly #endpoint: Endpoint;

  /**
   * @param path of the core's socket (`--extensions_socket`)
   * @throws LiveAuditError SOCKET_PATH
   */
  constructor(path: string, options: ManagerOptions = {}) {
    const { timeoutMs = DEFAULT_TIMEOUT_MS, connectMs = 0 } = options;
    checkSocketPath(path);
    this.path = path;
    this.#endpoint = { path, timeoutMs, connectMs };
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

  #call<T>(
    method: keyof ManagerMethods,
    request: (client: ManagerMethods) => Promise<T>,
  ): Promise<T> {
    return callOnce(ManagerClientClass, this.#endpoint, method, request);
  }
}

function rows({ status, response }: Response): StringMap[] {
  if (status?.code !== ExtensionCode.SUCCESS) {
    throw new LiveAuditError('OSQUERY_QUERY', status?.message || `status ${status?.code}`);
  }
  return response ?? [];
}
