/** Serves Extension on a unix socket that only our own user can open. */
import { chmodSync, lstatSync, unlinkSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { isMainThread } from 'node:worker_threads';
import { LiveAuditError } from '../../native/errors.ts';
import { Budget } from './budget.ts';
import { Connection, type Service } from './connection.ts';
import type { PluginSet } from './plugin-set.ts';
import { ReplyHead } from './reply-head.ts';
import { SlabPool } from './slab-pool.ts';

/** The core opens a connection per call and a few at once; more is a mistake or an attack. */
const MAX_CONNECTIONS = 256;
const BACKLOG = 512;
/** For answers that are on their way when the server closes; osqueryd kills us 4 s after shutdown. */
const CLOSE_MS = 1000;
/** Over all connections. 100,000 rows of 20 columns are 60 to 100 MB. */
const REPLY_BYTES = 512 * 1024 * 1024;
const REQUEST_BYTES = 64 * 1024 * 1024;
/** osquery's own send and receive timeout. */
const IDLE_MS = 300_000;
/** Not even connecting is allowed to others. */
const SOCKET_MODE = 0o600;
const SOCKET_UMASK = 0o177;

export interface ServerOptions {
  readonly path: string;
  /** Of the registration; shown in every status. */
  readonly uuid: number;
  readonly plugin: PluginSet;
  readonly log: (line: string) => void;
  readonly onShutdown: () => void;
  /** Until a silent client is closed. */
  readonly idleMs?: number;
}

export class ExtensionServer {
  readonly path: string;
  readonly #server: Server;
  readonly #service: Service;
  readonly #log: (line: string) => void;
  /** In the order in which they came. */
  readonly #connections = new Map<Socket, Connection>();

  constructor({ path, uuid, plugin, log, onShutdown, idleMs = IDLE_MS }: ServerOptions) {
    this.path = path;
    this.#log = log;
    this.#service = {
      uuid: BigInt(uuid),
      head: new ReplyHead(BigInt(uuid)),
      plugin,
      log,
      onShutdown,
      idleMs,
      replies: new Budget(REPLY_BYTES),
      slabs: new SlabPool(),
      requests: new Budget(REQUEST_BYTES),
    };
    this.#server = createServer((socket) => this.#accept(socket));
  }

  /** @throws LiveAuditError OSQUERY_SOCKET */
  async listen(): Promise<void> {
    removeStale(this.path);
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (error) =>
        reject(new LiveAuditError('OSQUERY_SOCKET', `cannot listen: ${error.message}`)),
      );
      this.#server.once('listening', resolve);
      withUmask(() => this.#server.listen({ path: this.path, backlog: BACKLOG }));
    });
    this.#server.removeAllListeners('error');
    // Such as EMFILE at accept: that client is lost, the server goes on.
    this.#server.on('error', (error) => this.#log(`socket ${this.path}: ${error.message}`));
    chmodSync(this.path, SOCKET_MODE);
  }

  /** Ends every connection when its pending answer is out, and removes the socket file. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const socket of this.#connections.keys()) socket.destroySoon();
    // A client that does not read its answer cannot hold us.
    const cut = setTimeout(() => {
      for (const socket of this.#connections.keys()) socket.destroy();
    }, CLOSE_MS);
    await closed;
    clearTimeout(cut);
  }

  #accept(socket: Socket): void {
    if (this.#connections.size >= MAX_CONNECTIONS && !this.#evict()) {
      socket.destroy();
      return;
    }
    this.#connections.set(socket, new Connection(socket, this.#service));
    socket.on('close', () => this.#connections.delete(socket));
  }

  /** The connection that has idled longest makes room: a flood cannot lock the core out. */
  #evict(): boolean {
    for (const [socket, connection] of this.#connections) {
      if (connection.busy) continue;
      this.#connections.delete(socket);
      socket.destroy();
      return true;
    }
    return false;
  }
}

/**
 * bind(2) takes the mode from the umask, so there is no moment in which others could connect. Node binds
 * within the call of `listen`. Worker threads may not set the umask: there chmod follows.
 */
function withUmask(listen: () => void): void {
  if (!isMainThread) {
    listen();
    return;
  }
  const before = process.umask(SOCKET_UMASK);
  try {
    listen();
  } finally {
    process.umask(before);
  }
}

/** A socket of this name is left from a killed extension: uuids are given anew. Only a socket goes. */
function removeStale(path: string): void {
  try {
    if (lstatSync(path).isSocket()) unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      throw new LiveAuditError('OSQUERY_SOCKET', `cannot remove ${path}: ${String(error)}`);
    }
  }
}
