/** Who is connected to each backend that has told so. */
import { SharedWhile } from '../event.ts';
import { decodeIdentity, type Identity } from './identity.ts';

/** Beyond so many, those whose process is gone are forgotten. */
const MAX_CONNECTIONS = 8192;

export type Who = { readonly [K in Exclude<keyof Identity, 'started'>]: Identity[K] | null };

/** A connection that has told who it is; its rows have in common what they say of it and of its server. */
interface Connection {
  readonly who: Identity;
  readonly shared: SharedWhile;
}

export const NOBODY: Who = {
  uid: null,
  user: null,
  database: null,
  application: null,
  address: null,
  port: null,
  container: null,
};

export interface ConnectionSources {
  /** The container of the first of these processes that is still there. */
  containerOf(pids: readonly number[]): string | null;
  isAlive(pid: number): boolean;
}

export class Connections {
  readonly #sources: ConnectionSources;
  readonly #known = new Map<number, Connection>();
  #limit = MAX_CONNECTIONS;

  constructor(sources: ConnectionSources) {
    this.#sources = sources;
  }

  /** An identity record: of a new connection, or of one that changed. @returns whether it is a new one */
  add(pid: number, bytes: Buffer, view: DataView, at: number): boolean {
    const before = this.#known.get(pid);
    if (this.#known.size >= this.#limit && !before) this.#forget();
    const identity = decodeIdentity(bytes, view, at, this.#sources.containerOf);
    this.#known.set(pid, { who: identity, shared: new SharedWhile() });
    return before !== undefined && before.who.started !== identity.started;
  }

  of(pid: number): Connection | undefined {
    return this.#known.get(pid);
  }

  #forget(): void {
    for (const pid of this.#known.keys()) if (!this.#sources.isAlive(pid)) this.#known.delete(pid);
    // Where most of them live on, do not look again at each new one.
    this.#limit = Math.max(MAX_CONNECTIONS, 2 * this.#known.size);
  }
}
