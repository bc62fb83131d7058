/** Who is connected to each backend that has told so. */
import { Forms } from './forms.ts';
import { decodeIdentity, type Identity, NOBODY } from './identity.ts';

/** Beyond so many, those whose process is gone are forgotten. */
const MAX_CONNECTIONS = 8192;

interface Connection {
  readonly who: Identity;
  readonly forms: Forms;
}

export interface ConnectionSources {
  /** The container of the first of these processes that is still there. */
  containerOf(pids: readonly number[]): string | null;
  isAlive(pid: number): boolean;
}

export class Connections {
  readonly #sources: ConnectionSources;
  readonly #known = new Map<number, Connection>();
  #limit = MAX_CONNECTIONS;
  /** The last one that has not told. */
  #stranger = { pid: 0, forms: new Forms(0, NOBODY) };

  constructor(sources: ConnectionSources) {
    this.#sources = sources;
  }

  /** An identity record: of a new connection, or of one that changed. @returns whether it is a new one */
  add(pid: number, bytes: Buffer, view: DataView, at: number): boolean {
    const before = this.#known.get(pid);
    if (this.#known.size >= this.#limit && !before) this.#forget();
    const identity = decodeIdentity(bytes, view, at, this.#sources.containerOf);
    this.#known.set(pid, { who: identity, forms: new Forms(pid, identity) });
    return before !== undefined && before.who.started !== identity.started;
  }

  /** The rows of a connection. */
  formsOf(pid: number): Forms {
    const known = this.#known.get(pid);
    if (known !== undefined) return known.forms;
    if (pid !== this.#stranger.pid) this.#stranger = { pid, forms: new Forms(pid, NOBODY) };
    return this.#stranger.forms;
  }

  #forget(): void {
    for (const pid of this.#known.keys()) if (!this.#sources.isAlive(pid)) this.#known.delete(pid);
    // Where most of them live on, do not look again at each new one.
    this.#limit = Math.max(MAX_CONNECTIONS, 2 * this.#known.size);
  }
}
