/** What is known of the server behind a record's target number, read once. */
import type { World } from '../collector/capture.ts';
import type { Cell } from '../event.ts';
import { textCell } from '../events/text.ts';
import type { Server } from './server.ts';
import { countsRows } from './statement.ts';

/** Texts are bytes, which are quicker to store. */
export interface KnownServer {
  readonly file: string;
  /** Command tags by number. */
  readonly tags: readonly string[];
  /** Whether the tag of that number counts rows. */
  readonly counts: readonly boolean[];
  readonly path: Cell;
  readonly version: Cell;
}

const NO_SERVER: KnownServer = { file: '', tags: [], counts: [], path: null, version: null };

export class Servers {
  readonly #world: World;
  readonly #read: (file: string) => Server;
  readonly #known = new Map<number, KnownServer>();

  /** @param read the server of an executable */
  constructor(world: World, read: (file: string) => Server) {
    this.#world = world;
    this.#read = read;
  }

  of(id: number): KnownServer {
    const target = this.#world.target(id);
    const file = target?.file ?? '';
    const known = this.#known.get(id);
    if (known?.file === file) return known;
    if (!target) return NO_SERVER;
    const { version, tags } = this.#read(file);
    const fresh: KnownServer = {
      file,
      tags,
      path: textCell(Buffer.from(target.path)),
      version: version === null ? null : textCell(Buffer.from(version)),
      counts: tags.map(countsRows),
    };
    this.#known.set(id, fresh);
    return fresh;
  }
}
