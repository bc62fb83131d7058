/** Thrift over unix sockets as the osquery core speaks it: a call per connection. */
import net from 'node:net';
import { BinaryReader } from '../../extension/sdk/thrift/binary-reader.ts';
import { BinaryWriter } from '../../extension/sdk/thrift/binary-writer.ts';
import { MessageFramer } from '../../extension/sdk/thrift/framer.ts';
import extension from '../../extension/sdk/thrift/gen/Extension.js';
import extensionManager from '../../extension/sdk/thrift/gen/ExtensionManager.js';
import {
  ExtensionCode,
  type ExtensionHandler,
  type ExtensionInfo,
  type Processor,
  type Registry,
  type Response,
  type Status,
  type StringMap,
} from '../../extension/sdk/thrift/index.ts';

const LIMITS = { messageBytes: 64 * 1024 * 1024, entries: 1_000_000 };

type Reply<T> = (error: Error | null, result?: T) => void;

/** What the core must answer for an extension to live. */
export interface ManagerHandler extends Pick<ExtensionHandler, 'ping'> {
  extensions(reply: Reply<{ readonly [uuid: string]: ExtensionInfo }>): void;
  options(reply: (error: null, options: Record<string, never>) => void): void;
  registerExtension(info: ExtensionInfo, registry: Registry, reply: Reply<Status>): void;
}

const ManagerProcessor = extensionManager.Processor as unknown as new (
  handler: ManagerHandler,
) => Processor;

/** Serve the core's socket. */
export function serveManager(path: string, handler: ManagerHandler): net.Server {
  const processor = new ManagerProcessor(handler);
  return net
    .createServer((socket) => {
      const framer = new MessageFramer(LIMITS);
      socket.on('error', () => socket.destroy());
      socket.on('data', (chunk: Buffer) => {
        framer.push(chunk);
        for (let next = framer.next(); next !== undefined; next = framer.next()) {
          const output = new BinaryWriter();
          processor.process(new BinaryReader(next), output);
          socket.write(output.bytes);
        }
      });
    })
    .listen(path);
}

interface ClientMethods {
  ping(): Promise<Status>;
  call(registry: string, item: string, request: StringMap): Promise<Response>;
}
type Receiver = (input: BinaryReader, mtype: number, seqid: number) => void;
type GeneratedClient = ClientMethods & {
  readonly [name in `recv_${keyof ClientMethods}`]: Receiver;
};
const Client = extension.Client as unknown as new (
  transport: { flush(): void },
  writer: new () => BinaryWriter,
) => GeneratedClient;

/** Calls to an extension. */
export class ExtensionClient {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  async ping(): Promise<void> {
    const { code } = await this.#call('ping', (client) => client.ping());
    if (code !== ExtensionCode.SUCCESS) throw new Error(`ping was answered with code ${code}`);
  }

  /** Rows of a table, as `call("table", NAME, {action: generate})` gives them. */
  async generate(table: string, context: object): Promise<readonly StringMap[]> {
    const request = { action: 'generate', context: JSON.stringify(context) };
    const { status, response } = await this.#call('call', (client) =>
      client.call('table', table, request),
    );
    if (status?.code !== ExtensionCode.SUCCESS) throw new Error(`${table}: ${status?.message}`);
    return response ?? [];
  }

  #call<T>(
    method: keyof ClientMethods,
    request: (client: GeneratedClient) => Promise<T>,
  ): Promise<T> {
    let output = new BinaryWriter();
    // The generated client makes its own writer and then flushes.
    class Writer extends BinaryWriter {
      constructor() {
        super();
        output = this;
      }
    }
    const client = new Client({ flush: () => {} }, Writer);
    const result = request(client);
    return new Promise((resolve, reject) => {
      const framer = new MessageFramer(LIMITS);
      const socket = net.connect(this.path, () => socket.write(output.bytes));
      socket.on('error', reject);
      socket.on('close', () => reject(new Error(`${method}: the extension closed the connection`)));
      socket.on('data', (chunk: Buffer) => {
        framer.push(chunk);
        const message = framer.next();
        if (message === undefined) return;
        const input = new BinaryReader(message);
        const { mtype, rseqid } = input.readMessageBegin();
        client[`recv_${method}`](input, mtype, rseqid);
        resolve(result);
        socket.destroy();
      });
    });
  }
}
