/**
 * Where a shell is and comes from, as /proc tells: the ssh client of its session, and its container. Both are
 * looked up once per session, while the first command of it is typed.
 */
import fs from 'node:fs';
import { isIP } from 'node:net';
import { containerOf } from '../../native/container.ts';

export interface Remote {
  readonly address: string;
  readonly port: number;
}

/** Sessions and cgroups that are remembered. */
const KEPT = 4096;
const MAX_ENVIRONMENT = 256 * 1024;
const SSH_CONNECTION = 'SSH_CONNECTION=';
const MAX_PORT = 65_535;
/** proc(5): starttime is field 22, in ticks of 10 ms since boot; the fields after `(comm)` begin with 3. */
const START_FIELD = 22 - 3;
const TICK_NS = 10_000_000n;

/** @param environment as /proc/PID/environ gives it: sshd sets `client port server port` */
export function remoteOf(environment: Buffer): Remote | null {
  const variables = environment.toString('latin1').split('\0');
  const value = variables.find((variable) => variable.startsWith(SSH_CONNECTION));
  const [address = '', port = ''] = value?.slice(SSH_CONNECTION.length).split(' ') ?? [];
  const number = /^\d{1,5}$/.test(port) ? Number(port) : 0;
  return isIP(address) > 0 && number > 0 && number <= MAX_PORT ? { address, port: number } : null;
}

export interface OriginFiles {
  /** @returns null where the process is gone */
  environment(pid: number): Buffer | null;
  /** When a process began, ticks since boot; null where it is gone. */
  started(pid: number): bigint | null;
  container(pid: number): string | null;
}

interface Session {
  readonly start: number | bigint;
  readonly remote: Remote | null;
}

interface Place {
  /** When the session's leader began; 0: it is gone. */
  readonly start: number | bigint;
  readonly cgroup: number | bigint;
  readonly namespace: number;
  readonly container: string | null;
}

export class Origins {
  readonly #files: OriginFiles;
  /** By session leader. */
  readonly #sessions = new Map<number, Session>();
  /** Containers by session leader. */
  readonly #containers = new Map<number, Place>();
  /** The last process that was gone when its cgroup was to be looked up: it has more records to come. */
  #gone = 0;

  constructor(files: OriginFiles = procFiles) {
    this.#files = files;
  }

  /**
   * @param leader of the session, tgid
   * @param start when it began, CLOCK_BOOTTIME ns; 0: it is gone
   */
  remote(leader: number, start: number | bigint): Remote | null {
    const known = this.#sessions.get(leader);
    if (known && (known.start === start || start === 0)) return known.remote;
    if (start === 0) return null;
    const isIt = this.#files.started(leader) === BigInt(start) / TICK_NS;
    const environment = isIt ? this.#files.environment(leader) : null;
    const remote = environment && remoteOf(environment);
    if (this.#sessions.size >= KEPT) this.#sessions.clear();
    this.#sessions.set(leader, { start, remote });
    return remote;
  }

  /**
   * @param pid that runs in it
   * @param place where it runs, as the kernel told. Neither a cgroup's id nor a namespace's number is enough: with
   *   version 1 of cgroups all have the same, and numbers of namespaces are used again.
   */
  container(pid: number, leader: number, place: Omit<Place, 'container'>): string | null {
    const known = this.#containers.get(leader);
    if (known && place.start !== 0 && isSame(known, place)) return known.container;
    if (pid === this.#gone) return null;
    const container = this.#files.container(pid);
    if (container === null && this.#files.started(pid) === null) {
      this.#gone = pid; // the next one of that session tells
      return null;
    }
    if (this.#containers.size >= KEPT) this.#containers.clear();
    this.#containers.set(leader, { ...place, container });
    return container;
  }
}

const isSame = (a: Omit<Place, 'container'>, b: Omit<Place, 'container'>): boolean =>
  a.start === b.start && a.cgroup === b.cgroup && a.namespace === b.namespace;

const procFiles: OriginFiles = {
  environment(pid) {
    try {
      return fs.readFileSync(`/proc/${pid}/environ`).subarray(0, MAX_ENVIRONMENT);
    } catch {
      return null;
    }
  },
  started(pid) {
    try {
      const stat = fs.readFileSync(`/proc/${pid}/stat`, 'latin1');
      return BigInt(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[START_FIELD] ?? 0);
    } catch {
      return null;
    }
  },
  container: containerOf,
};
