/** Who is connected to each backend that has told so. */
import { decodeIdentity, type Identity } from './identity.ts';

/** Beyond so many, those whose process is gone are forgotten. */
const MAX_CONNECTIONS = 8192;

type Known = { readonly [K in keyof Identity]: Identity[K] | null };

const NOBODY: Known = {
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
  readonly #known = new Map<number, Identity>();
  #limit = MAX_CONNECTIONS;

  constructor(sources: ConnectionSources) {
    this.#sources = sources;
  }

  /** An identity record: of a new connection, or of one that changed. */
  add(pid: number, bytes: Buffer, view: DataView, at: number): void {
    if (this.#known.size >= this.#limit && !this.#known.has(pid)) this.#forget();
    const { containerOf } = this.#sources;
    this.#known.set(pid, decodeIdentity(bytes, view, at, containerOf));
  }

  of(pid: number): Known {
    return this.#known.get(pid) ?? NOBODY;
  }

  #forget(): void {
    for (const pid of this.#known.keys()) if (!this.#sources.isAlive(pid)) this.#known.delete(pid);
    // Where most of them live on, do not look again at each new one.
    this.#limit = Math.max(MAX_CONNECTIONS, 2 * this.#known.size);
  }
}
