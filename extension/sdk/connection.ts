/** One client of the extension's socket: messages in, replies out, in order, one at a time. */
import type { Socket } from 'node:net';
import type { Budget } from './budget.ts';
import { type ReplyMeans, replyWithRows } from './generate.ts';
import type { PluginReply } from './plugin.ts';
import type { PluginSet } from './plugin-set.ts';
import { send } from './row-sender.ts';
import type { GenerateAnswer } from './table-plugin.ts';
import { BinaryReader } from './thrift/binary-reader.ts';
import { BinaryWriter } from './thrift/binary-writer.ts';
import { type Limits, MessageFramer } from './thrift/framer.ts';
import { ExtensionCode, ExtensionProcessor, type Response, type Status } from './thrift/index.ts';

/** A request is two short names and a query context; only a huge IN list makes it large. */
const REQUEST_LIMITS: Limits = { messageBytes: 16 * 1024 * 1024, entries: 1024 };

/** What all connections of a server share. */
export interface Service extends ReplyMeans {
  readonly uuid: bigint;
  readonly plugin: PluginSet;
  /** A client that neither sends nor reads for so long is closed. */
  readonly idleMs: number;
  /** For requests that are not whole yet. */
  readonly requests: Budget;
  readonly log: (line: string) => void;
  /** The core asked us to leave; the answer is sent. */
  readonly onShutdown: () => void;
}

export class Connection {
  readonly #socket: Socket;
  readonly #service: Service;
  readonly #framer = new MessageFramer(REQUEST_LIMITS);
  #buffered = 0;
  #busy = false;
  #generating = false;
  /** Tells the table of the last answer that the client has read it. */
  #taken: (() => void) | undefined;

  constructor(socket: Socket, service: Service) {
    this.#socket = socket;
    this.#service = service;
    // Read on while an answer is made: that is how we learn that nobody waits for it any more.
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', () => socket.destroy());
    // A client that closes with unread bytes resets the connection (unix(7)): that is an error, no end.
    socket.on('end', () => this.#leave());
    socket.on('close', () => this.#account(0));
    socket.setTimeout(service.idleMs);
    // Each time: a callback given to setTimeout would be called once.
    socket.on('timeout', () => {
      // While a table is at work and nothing waits to be read, the silence is ours.
      if (!this.#generating || socket.writableLength > 0) socket.destroy();
    });
  }

  get busy(): boolean {
    return this.#busy;
  }

  #receive(chunk: Buffer): void {
    try {
      if (!this.#account(this.#framer.buffered + chunk.length)) {
        this.#close('closed a client: too much of unfinished requests');
        return;
      }
      this.#framer.push(chunk);
    } catch (error) {
      this.#close(`closed a client: ${messageOf(error)}`);
      return;
    }
    if (!this.#busy) void this.#work();
  }

  /** Never rejects: a client can only end its own connection. */
  async #work(): Promise<void> {
    this.#busy = true;
    try {
      for (let next = this.#framer.next(); next !== undefined; next = this.#framer.next()) {
        await this.#handle(next);
      }
      this.#account(this.#framer.buffered);
    } catch (error) {
      this.#close(`closed a client: ${messageOf(error)}`);
    }
    this.#busy = false;
  }

  /** osquery opens a connection for each call and closes it when it has the whole answer. */
  #leave(): void {
    // Left to itself a socket is shut down first, which is one more system call.
    if (!this.#busy) this.#socket.destroy();
    const taken = this.#taken;
    this.#taken = undefined;
    try {
      taken?.();
    } catch (error) {
      this.#service.log(messageOf(error));
    }
  }

  async #handle(message: Buffer): Promise<void> {
    const { plugin, uuid, onShutdown } = this.#service;
    let generate: GenerateAnswer | undefined;
    let awaited: Promise<PluginReply> | undefined;
    let replyCall: ((error: null, response: Response) => void) | undefined;
    let shutdown = false;
    const processor = new ExtensionProcessor({
      ping: (reply) => reply(null, status(uuid)),
      call: (registry, item, request, reply) => {
        try {
          const answer = plugin.answer(registry, item, request);
          replyCall = reply;
          if ('rows' in answer) reply(null, success(uuid, answer));
          else if ('table' in answer) generate = answer;
          else awaited = answer;
        } catch (error) {
          reply(null, failure(uuid, error));
        }
      },
      shutdown: (reply) => {
        shutdown = true;
        reply(null);
      },
    });
    // The generated Processor calls back in the same tick, so `output` is whole after it, except
    // for rows, which are streamed.
    const output = new BinaryWriter();
    processor.process(new BinaryReader(message), output);
    if (generate !== undefined) {
      const error = await this.#generate(generate, message);
      if (error === undefined || this.#socket.destroyed) return;
      this.#service.log(`table '${generate.table.spec.name}': ${messageOf(error)}`);
      replyCall?.(null, failure(uuid, error));
    }
    if (awaited !== undefined) replyCall?.(null, await this.#settled(awaited));
    await send(this.#socket, output.bytes);
    if (shutdown) onShutdown();
  }

  /** Never rejects. */
  async #settled(awaited: Promise<PluginReply>): Promise<Response> {
    const { uuid, log } = this.#service;
    this.#generating = true;
    try {
      return success(uuid, await awaited);
    } catch (error) {
      log(messageOf(error));
      return failure(uuid, error);
    } finally {
      this.#generating = false;
    }
  }

  /** The error with which the table failed, before a byte of the answer was sent. */
  async #generate(answer: GenerateAnswer, message: Buffer): Promise<unknown> {
    const { rseqid } = new BinaryReader(message).readMessageBegin();
    this.#generating = true;
    try {
      this.#taken = await replyWithRows(this.#socket, rseqid, answer, this.#service);
      return undefined;
    } catch (error) {
      return error;
    } finally {
      this.#generating = false;
    }
  }

  /** Holds `bytes` of the budget for requests; false when they are not there. */
  #account(bytes: number): boolean {
    const more = bytes - this.#buffered;
    if (more > 0 && !this.#service.requests.take(more)) return false;
    if (more < 0) this.#service.requests.give(-more);
    this.#buffered = bytes;
    return true;
  }

  #close(why: string): void {
    if (!this.#socket.destroyed) this.#service.log(why);
    this.#socket.destroy();
  }
}

const status = (uuid: bigint): Status => ({ code: ExtensionCode.SUCCESS, message: 'OK', uuid });

const success = (uuid: bigint, { rows, code }: PluginReply): Response => ({
  status: { ...status(uuid), code: code ?? ExtensionCode.SUCCESS },
  response: [...rows],
});

const failure = (uuid: bigint, error: unknown): Response => ({
  status: { code: ExtensionCode.FAILED, message: messageOf(error), uuid },
  response: [],
});

/** One line. */
function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/\s+/g, ' ').slice(0, 500);
}
