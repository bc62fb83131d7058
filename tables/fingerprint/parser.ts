/**
 * PostgreSQL's own parser (libpg-query, WebAssembly) for statements of anybody. It runs in a thread of its own, which
 * is waited for: what it parses is hostile, its memory never shrinks, and it may go on for long. So the thread is
 * ended when it takes too long, and when it was not needed for a while.
 */
import {
  MessageChannel,
  type MessagePort,
  receiveMessageOnPort,
  Worker,
} from 'node:worker_threads';
import { parserFiles } from './files.ts';
import { WORKER } from './worker.ts';

export interface Parsed {
  /** Of the statement without its constants: 16 hex digits. */
  readonly fingerprint: string;
  /** The text with $1, $2 … for constants. */
  readonly normalized: string;
}

/** A text of so many characters takes a second and 100 MB at worst: `1+1+1…`. */
export const MAX_LENGTH = 65_536;
const TIMEOUT_MS = 10_000;
/** The first answer of a thread: it starts, and compiles the parser. 0.1 s on a quiet machine. */
const START_TIMEOUT_MS = 30_000;
const IDLE_MS = 10_000;
/** Then the thread begins anew: its memory has grown with the longest texts. */
const MAX_CHARACTERS = 8 * 1024 * 1024;

interface Thread {
  readonly worker: Worker;
  readonly port: MessagePort;
  readonly control: Int32Array;
  characters: number;
}

export class StatementParser {
  #thread: Thread | null = null;
  #idle: NodeJS.Timeout | null = null;

  /** @returns null where the text does not parse, is too long, or takes too long */
  parse(text: string): Parsed | null {
    if (text.length > MAX_LENGTH) return null;
    this.#thread ??= start();
    const thread = this.#thread;
    Atomics.store(thread.control, 0, 0);
    thread.port.postMessage(text);
    const timeout = thread.characters === 0 ? START_TIMEOUT_MS : TIMEOUT_MS;
    const outcome = Atomics.wait(thread.control, 0, 0, timeout);
    const reply = receiveMessageOnPort(thread.port);
    thread.characters += text.length;
    if (outcome === 'timed-out' || reply === undefined || thread.characters > MAX_CHARACTERS)
      this.close();
    else this.#endWhenIdle();
    return isParsed(reply?.message) ? reply.message : null;
  }

  close(): void {
    if (this.#idle) clearTimeout(this.#idle);
    this.#idle = null;
    const thread = this.#thread;
    this.#thread = null;
    thread?.port.close();
    thread?.worker.terminate();
  }

  #endWhenIdle(): void {
    if (this.#idle) this.#idle.refresh();
    else this.#idle = setTimeout(() => this.close(), IDLE_MS).unref();
  }
}

function start(): Thread {
  const control = new Int32Array(new SharedArrayBuffer(4));
  const { port1, port2 } = new MessageChannel();
  const worker = new Worker(WORKER, {
    eval: true,
    workerData: { ...parserFiles(), control, port: port2 },
    transferList: [port2],
    env: {},
    execArgv: [],
  });
  // Neither keeps the process alive; what goes wrong in the thread shows as no reply.
  worker.unref();
  worker.on('error', () => {});
  port1.unref();
  return { worker, port: port1, control, characters: 0 };
}

const isParsed = (value: unknown): value is Parsed =>
  typeof value === 'object' &&
  value !== null &&
  'fingerprint' in value &&
  typeof value.fingerprint === 'string' &&
  'normalized' in value &&
  typeof value.normalized === 'string';
