/** Calls over a unix socket: a connection for each, as osquery makes them. */
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { LiveAuditError } from '../../../native/errors.ts';
import { BinaryReader } from './binary-reader.ts';
import { BinaryWriter } from './binary-writer.ts';
import { type Limits, MessageFramer } from './framer.ts';
import type { ClientClass, GeneratedClient } from './index.ts';

/** Replies hold whole results of queries. osquery stops at about 100 MiB in one string. */
const REPLY_LIMITS: Limits = { messageBytes: 256 * 1024 * 1024, entries: 10_000_000 };
/** Between attempts to connect. */
const CONNECT_AGAIN_MS = 50;

export interface Endpoint {
  readonly path: string;
  /** For a whole call, from when it is connected. */
  readonly timeoutMs: number;
  /** To wait for a socket that is not there, or that nobody listens on. 0: it is an error at once. */
  readonly connectMs: number;
}

/** What an errno of connect(2) means to the user of the socket. */
const CONNECT_ERRORS: { readonly [errno: string]: string } = {
  ENOENT: 'no such socket: osquery does not run, or has another socket',
  ECONNREFUSED: 'nobody listens: osquery has stopped',
  EACCES: 'permission denied: run as the user that runs osquery',
  ENOTSOCK: 'not a socket',
};
/** osquery may be starting. Nothing was sent, so trying again is safe. */
const MAY_PASS: ReadonlySet<string | undefined> = new Set(['ENOENT', 'ECONNREFUSED']);

/**
 * @throws LiveAuditError OSQUERY_SOCKET, PROTOCOL; OSQUERY_QUERY with the other side's exception
 */
export async function callOnce<M, T>(
  Client: ClientClass<M>,
  endpoint: Endpoint,
  method: Extract<keyof M, string>,
  request: (client: GeneratedClient<M>) => Promise<T>,
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
  const answer = request(client);
  // The generated code rejects with a bare string when a result is missing.
  const result = answer.catch((error: unknown) => {
    if (error instanceof LiveAuditError) throw error;
    const detail = error instanceof Error ? error.message : String(error);
    throw new LiveAuditError('OSQUERY_QUERY', `${method}: ${detail}`);
  });
  // `result` settles first only when the request cannot be encoded.
  const reply = exchange(endpoint, output.bytes, method);
  const message = await Promise.race([reply, result as Promise<never>]);
  const input = new BinaryReader(message);
  const { fname, mtype, rseqid } = input.readMessageBegin();
  // The generated code would never settle the answer to another request.
  if (fname !== method || rseqid !== new BinaryReader(output.bytes).readMessageBegin().rseqid) {
    const what = `'${fname.slice(0, 80)}' number ${rseqid}`;
    throw new LiveAuditError('PROTOCOL', `${method} was answered with ${what}`);
  }
  client[`recv_${method}`](input, mtype, rseqid);
  return result;
}

async function exchange(endpoint: Endpoint, request: Uint8Array, method: string): Promise<Buffer> {
  const deadline = performance.now() + endpoint.connectMs;
  for (;;) {
    try {
      return await exchangeOnce(endpoint, request, method);
    } catch (error) {
      const again = error instanceof NotConnected && MAY_PASS.has(error.errno);
      if (!again || performance.now() + CONNECT_AGAIN_MS > deadline) throw error;
      await sleep(CONNECT_AGAIN_MS);
    }
  }
}

class NotConnected extends LiveAuditError {
  readonly errno: string | undefined;

  constructor(path: string, { code, message }: NodeJS.ErrnoException) {
    super('OSQUERY_SOCKET', `${path}: ${CONNECT_ERRORS[code ?? ''] ?? message}`);
    this.errno = code;
  }
}

/** Sends one message and gives the one that comes back. */
function exchangeOnce(
  { path, timeoutMs }: Endpoint,
  request: Uint8Array,
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
    socket.on('error', (error: NodeJS.ErrnoException) => fail(new NotConnected(path, error)));
    socket.on('close', () => lost(`the connection was closed before ${method} was answered`));
    socket.on('data', (chunk: Buffer) => {
      try {
        framer.push(chunk);
        const message = framer.next();
        if (message === undefined) return;
        clearTimeout(timer);
        // In order: an extension takes its rows for read then.
        socket.end();
        socket.removeAllListeners('close');
        resolve(message);
      } catch (error) {
        fail(
          error instanceof LiveAuditError ? error : new LiveAuditError('PROTOCOL', String(error)),
        );
      }
    });
  });
}
