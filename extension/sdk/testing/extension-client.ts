/** Calls to an extension as osquery makes them. */
import { LiveAuditError } from '../../../native/errors.ts';
import { callOnce } from '../thrift/client.ts';
import {
  ExtensionClientClass,
  ExtensionCode,
  type ExtensionMethods,
  type Response,
  type StringMap,
} from '../thrift/index.ts';

const DEFAULT_TIMEOUT_MS = 10_000;

/** A pushed constraint: operators are osquery's numbers (`Operator`). */
export interface PushedConstraint {
  readonly column: string;
  readonly op: number;
  readonly expr: string;
}

export interface Question {
  /** All of them without it. */
  readonly columns?: readonly string[];
  readonly constraints?: readonly PushedConstraint[];
}

/** The `context` of a generate request. */
export function contextJson({ columns, constraints = [] }: Question): string {
  const lists = Object.entries(Object.groupBy(constraints, ({ column }) => column));
  return JSON.stringify({
    constraints: lists.map(([name, list = []]) => ({
      name,
      list: list.map(({ op, expr }) => ({ op, expr })),
      affinity: 'TEXT',
    })),
    ...(columns && { colsUsed: columns }),
  });
}

export class ExtensionClient {
  readonly path: string;
  readonly #timeoutMs: number;

  /** @param path of the extension's socket, `<core's>.<uuid>` */
  constructor(path: string, timeoutMs = DEFAULT_TIMEOUT_MS) {
    this.path = path;
    this.#timeoutMs = timeoutMs;
  }

  /** @throws LiveAuditError, as do all methods */
  async ping(): Promise<void> {
    const { code } = await this.#call('ping', (client) => client.ping());
    if (code !== ExtensionCode.SUCCESS) throw new LiveAuditError('PROTOCOL', `ping: code ${code}`);
  }

  /** Any plug-in call; a failure is in the status. */
  call(registry: string, item: string, request: StringMap): Promise<Response> {
    return this.#call('call', (client) => client.call(registry, item, request));
  }

  /** Rows of a table. @throws LiveAuditError OSQUERY_QUERY with the table's message */
  async generate(table: string, question: Question = {}): Promise<readonly StringMap[]> {
    const request = { action: 'generate', context: contextJson(question) };
    const { status, response } = await this.call('table', table, request);
    if (status?.code !== ExtensionCode.SUCCESS)
      throw new LiveAuditError('OSQUERY_QUERY', `${table}: ${status?.message}`);
    return response ?? [];
  }

  async shutdown(): Promise<void> {
    await this.#call('shutdown', (client) => client.shutdown());
  }

  #call<T>(
    method: keyof ExtensionMethods,
    request: (client: ExtensionMethods) => Promise<T>,
  ): Promise<T> {
    const endpoint = { path: this.path, timeoutMs: this.#timeoutMs, connectMs: 0 };
    return callOnce(ExtensionClientClass, endpoint, method, request);
  }
}
