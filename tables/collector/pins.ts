/**
 * The pins of one table in the BPF file system: maps and links, in a directory named after the BPF object,
 * so that another version of it finds nothing to adopt by mistake.
 *
 *   /sys/fs/bpf/live-audit[-HASH]/TABLE/VERSION/maps/NAME
 *                                              /links/TARGET-PROBE, tracepoint-PROGRAM
 *
 * HASH stands for a state directory other than the default one.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { BPFFS } from '../../native/bpffs.ts';
import { LiveAuditError } from '../../native/errors.ts';
import { mapId, openPinnedMap } from '../../native/libbpf.ts';
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

/** The versions that are pinned, by directory. */
export const pinnedVersions = (stateDir: string, table: string): string[] =>
  list(tablePins(stateDir, table)).map(({ name }) => path.join(tablePins(stateDir, table), name));

export class Pins {
  readonly maps: string;
  readonly links: string;
  readonly #table: string;
  readonly #version: string;

  /**
   * @param object path of the BPF object: its content is the version
   * @throws LiveAuditError BPF_DENIED
   */
  constructor(stateDir: string, table: string, object: string) {
    this.#table = tablePins(stateDir, table);
    this.#version = hash(fs.readFileSync(object));
    this.maps = path.join(this.#table, this.#version, 'maps');
    this.links = path.join(this.#table, this.#version, 'links');
    this.#make();
  }

  #make(): void {
    try {
      for (const directory of [this.maps, this.links])
        fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      throw new LiveAuditError('BPF_DENIED', `cannot pin in ${BPFFS}: ${code}`, { cause });
    }
  }

  /** Which kernel ring buffer is pinned, or null. */
  get epoch(): bigint | null {
    const events = openPinnedMap(path.join(this.maps, 'events'));
    if (events === null) return null;
    try {
      return epochOf(events);
    } finally {
      fs.closeSync(events);
    }
  }

  linkPath(name: string): string {
    return path.join(this.links, name);
  }

  /** Names of the links that are pinned. */
  linkNames(): string[] {
    return fs.readdirSync(this.links);
  }

  /** Whether a pinned version is ours. */
  isOurs(version: string): boolean {
    return version === path.join(this.#table, this.#version);
  }

  /** Take our own version's pins away: what is attached by them is detached, its maps are freed. */
  clear(): void {
    removePins(path.join(this.#table, this.#version));
    this.#make();
  }
}

/**
 * Identifies a kernel ring buffer by its map: the boot in the upper half, for map ids begin anew with each.
 * @throws LiveAuditError
 */
export function epochOf(events: number): bigint {
  const boot = fs.readFileSync('/proc/sys/kernel/random/boot_id', 'latin1');
  return (BigInt(`0x${boot.slice(0, 8)}`) << 32n) | BigInt(mapId(events));
}

/** Remove pins and their directories. @returns how many pins there were */
export function removePins(directory: string): number {
  let removed = 0;
  for (const entry of list(directory)) {
    const full = path.join(directory, entry.name);
    if (entry.isDirectory()) removed += removePins(full);
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
