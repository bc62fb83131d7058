/**
 * Which file a descriptor of a process is, as far as audit events told: of openings, closings, copies and forks
 * that rules asked for. A bounded memory: what is forgotten is not known.
 */

const MAX_PROCESSES = 1024;
const MAX_DESCRIPTORS = 1024;

export class Descriptors {
  readonly #processes = new Map<number, Map<number, string>>();

  path(pid: number, descriptor: number): string | null {
    return this.#processes.get(pid)?.get(descriptor) ?? null;
  }

  opened(pid: number, descriptor: number, path: string): void {
    let files = this.#processes.get(pid);
    if (!files) {
      files = new Map();
      this.#processes.set(pid, files);
      dropOldest(this.#processes, MAX_PROCESSES);
    }
    files.delete(descriptor);
    files.set(descriptor, path);
    dropOldest(files, MAX_DESCRIPTORS);
  }

  closed(pid: number, descriptor: number): void {
    this.#processes.get(pid)?.delete(descriptor);
  }

  copied(pid: number, from: number, to: number): void {
    const path = this.path(pid, from);
    if (path === null) this.closed(pid, to);
    else this.opened(pid, to, path);
  }

  forked(pid: number, child: number): void {
    const files = this.#processes.get(pid);
    if (!files) return;
    this.#processes.set(child, new Map(files));
    dropOldest(this.#processes, MAX_PROCESSES);
  }

  exited(pid: number): void {
    this.#processes.delete(pid);
  }
}

function dropOldest(map: Map<number, unknown>, max: number): void {
  if (map.size <= max) return;
  for (const key of map.keys()) {
    map.delete(key);
    return;
  }
}
