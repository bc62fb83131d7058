/**
 * The pins of one table in the BPF file system: maps and links, in a directory named after the BPF object,
 * so that another version of it finds nothing to adopt by mistake.
 *
 *   /sys/fs/bpf/live-audit[-HASH]/TABLE/VERSION/maps/NAME
 *                                              /links/TARGET-PROBE, tracepoint-PROGRAM
 *                                              /seal-IDS
 *
 * HASH stands for a state directory other than the default one. The seal is an empty directory with the ids of
 * all maps: programs that are attached use those very maps, so a set of which one is missing or another one
 * would go on capturing into nowhere.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { mapInfo, openPinnedMap } from '../../native/bpf-map.ts';
import { BPFFS } from '../../native/bpffs.ts';
import { LiveAuditError } from '../../native/errors.ts';
import { DEFAULT_STATE_DIR } from './state-dir.ts';

const hash = (data: string | Uint8Array): string =>
  createHash('sha256').update(data).digest('hex').slice(0, 12);

/** Where a state directory's pins are. */
export function pinRoot(stateDir: string): string {
  const real = path.resolve(stateDir);
  const name = real === DEFAULT_STATE_DIR ? 'live-audit' : `live-audit-${hash(real)}`;
  return path.join(BPFFS, name);
}

/** Where the pins of one table are: a directory for each version. */
export const tablePins = (stateDir: string, table: string): string =>
  path.join(pinRoot(stateDir), table);

/** The versions that are pinned. */
export const pinnedVersions = (stateDir: string, table: string): PinnedVersion[] =>
  list(tablePins(stateDir, table)).map(
    ({ name }) => new PinnedVersion(path.join(tablePins(stateDir, table), name)),
  );

const SEAL = 'seal-';

/** The pins of one version of one table, whoever made them. */
export class PinnedVersion {
  readonly directory: string;
  readonly maps: string;
  readonly links: string;

  constructor(directory: string) {
    this.directory = directory;
    this.maps = path.join(directory, 'maps');
    this.links = path.join(directory, 'links');
  }

  get isEmpty(): boolean {
    return list(this.maps).length === 0 && list(this.links).length === 0;
  }

  /** Why these pins cannot be gone on with, or null: they are whole, or there are none. */
  get problem(): string | null {
    if (this.isEmpty) return null;
    const [seal] = list(this.directory).filter(({ name }) => name.startsWith(SEAL));
    if (seal?.name === this.#seal()) return null;
    return seal === undefined ? 'they are unfinished' : 'they are damaged';
  }

  /** Say that all maps are there: from now on programs may be attached. @throws LiveAuditError */
  seal(): void {
    if (!fs.existsSync(path.join(this.directory, this.#seal())))
      makeDirectory(path.join(this.directory, this.#seal()));
  }

  #seal(): string {
    const names = list(this.maps).map(({ name }) => name);
    const ids = names.sort().map((name) => this.withMap(name, (fd) => mapInfo(fd).id) ?? 0);
    return `${SEAL}${ids.join('-')}`;
  }

  /** Look into a pinned map. @returns null where there is none */
  withMap<T>(name: string, look: (fd: number) => T): T | null {
    const fd = openPinnedMap(path.join(this.maps, name));
    if (fd === null) return null;
    try {
      return look(fd);
    } finally {
      fs.closeSync(fd);
    }
  }

  /** Whether the maps that are pinned have so many entries. */
  haveSizes(entries: Readonly<Record<string, number>>): boolean {
    return Object.entries(entries).every(([name, wanted]) => {
      const found = this.withMap(name, (fd) => mapInfo(fd).maxEntries);
      return found === null || found === wanted;
    });
  }

  /** Which kernel ring buffer is pinned, or null. */
  get epoch(): bigint | null {
    return this.withMap('events', epochOf);
  }
}

export class Pins extends PinnedVersion {
  /**
   * @param object path of the BPF object: its content is the version
   * @throws LiveAuditError BPF_DENIED
   */
  constructor(stateDir: string, table: string, object: string) {
    super(path.join(tablePins(stateDir, table), hash(fs.readFileSync(object))));
    this.#make();
  }

  #make(): void {
    for (const directory of [this.maps, this.links]) makeDirectory(directory);
  }

  linkPath(name: string): string {
    return path.join(this.links, name);
  }

  /** Names of the links that are pinned. */
  linkNames(): string[] {
    return fs.readdirSync(this.links);
  }

  /** Take our own version's pins away: what is attached by them is detached, its maps are freed. */
  clear(): void {
    removePins(this.directory);
    this.#make();
  }
}

function makeDirectory(directory: string): void {
  try {
    fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new LiveAuditError('BPF_DENIED', `cannot pin in ${BPFFS}: ${code}`, { cause });
  }
}

/**
 * Identifies a kernel ring buffer by its map: the boot in the upper half, for map ids begin anew with each.
 * @throws LiveAuditError
 */
export function epochOf(events: number): bigint {
  const boot = fs.readFileSync('/proc/sys/kernel/random/boot_id', 'latin1');
  return (BigInt(`0x${boot.slice(0, 8)}`) << 32n) | BigInt(mapInfo(events).id);
}

/**
 * Remove pins, their directories, and those above that are empty then.
 * @param directory below BPFFS
 * @returns how many pins there were
 */
export function removePins(directory: string): number {
  const removed = removeAll(directory);
  try {
    for (let up = path.dirname(directory); up.startsWith(`${BPFFS}/`); up = path.dirname(up))
      fs.rmdirSync(up);
  } catch {
    // Not empty, or not there.
  }
  return removed;
}

function removeAll(directory: string): number {
  let removed = 0;
  for (const entry of list(directory)) {
    const full = path.join(directory, entry.name);
    if (entry.isDirectory()) removed += removeAll(full);
    else {
      fs.rmSync(full, { force: true });
      removed++;
    }
  }
  fs.rmSync(directory, { force: true, recursive: true });
  return removed;
}

function list(directory: string): fs.Dirent[] {
  try {
    return fs.readdirSync(directory, { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
