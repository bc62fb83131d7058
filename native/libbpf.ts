/**
 * One BPF object, its maps, and the links of its programs. `BpfObject` owns every native handle and closes
 * them all.
 */
import { LiveAuditError } from './errors.ts';
import { failure, forgetLog, libbpf } from './libbpf-binding.ts';

type Pointer = bigint;

/** struct bpf_uprobe_opts: offsets and size; longer structs of later versions take a zero tail. */
const UPROBE_OPTS = { size: 40, cookie: 16, retprobe: 24 } as const;
const ANY_PID = -1;

/** An attached probe. */
export class BpfLink {
  #pointer: Pointer;

  constructor(pointer: Pointer) {
    this.#pointer = pointer;
  }

  /**
   * Let it outlive this process: it stays attached for as long as the file is there.
   * @throws LiveAuditError
   */
  pin(path: string): void {
    if (libbpf().pinLink(this.#pointer, path) !== 0) throw failure(`cannot pin ${path}`);
  }

  /** A link that was pinned. @throws LiveAuditError */
  static open(path: string): BpfLink {
    const pointer = BigInt(libbpf().openLink(path));
    if (pointer === 0n) throw failure(`cannot open the pin ${path}`);
    return new BpfLink(pointer);
  }

  /** Detach, unless a pin keeps it. */
  close(): void {
    if (this.#pointer !== 0n) libbpf().destroyLink(this.#pointer);
    this.#pointer = 0n;
  }

  /** Leave it attached by its pin. Destroying the link would disable its perf event, pinned or not. */
  leave(): void {
    if (this.#pointer !== 0n) libbpf().disconnectLink(this.#pointer);
    this.close();
  }
}

export class BpfObject {
  #object: Pointer;
  readonly #links = new Set<BpfLink>();

  /**
   * Open, size and load one object.
   * @param maxEntries sizes of maps that differ from the object's own, by name
   * @param pinDirectory where the maps are pinned; those that are there already are taken over
   * @throws LiveAuditError BPF, BPF_DENIED, LIBBPF
   */
  constructor(
    path: string,
    maxEntries: Readonly<Record<string, number>> = {},
    pinDirectory: string | null = null,
  ) {
    forgetLog();
    this.#object = BigInt(libbpf().open(path, null));
    if (this.#object === 0n) throw failure(`cannot open ${path}`);
    try {
      for (const [name, entries] of Object.entries(maxEntries))
        if (libbpf().setMaxEntries(this.#map(name), entries) !== 0)
          throw failure(`cannot size the map ${name}`);
      if (pinDirectory !== null) this.#pinMaps(pinDirectory);
      if (libbpf().load(this.#object) !== 0) throw failure(`the kernel refused ${path}`);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  #pinMaps(directory: string): void {
    let map = 0n;
    for (;;) {
      map = BigInt(libbpf().nextMap(this.#object, map));
      if (map === 0n) return;
      const name = String(libbpf().mapName(map));
      if (name.includes('.')) continue; // .rodata and its like are of the program, not state
      if (libbpf().setPinPath(map, `${directory}/${name}`) !== 0)
        throw failure(`cannot pin the map ${name}`);
    }
  }

  #map(name: string): Pointer {
    const map = BigInt(libbpf().findMap(this.#object, name));
    if (map === 0n) throw new LiveAuditError('INTERNAL', `no BPF map ${name}`);
    return map;
  }

  #program(name: string): Pointer {
    const program = BigInt(libbpf().findProgram(this.#object, name));
    if (program === 0n) throw new LiveAuditError('INTERNAL', `no BPF program ${name}`);
    return program;
  }

  /** The descriptor of a map: valid until `close`. */
  mapFd(name: string): number {
    return libbpf().mapFd(this.#map(name));
  }

  mapEntries(name: string): number {
    return libbpf().mapMaxEntries(this.#map(name));
  }

  #attached(pointer: Pointer, what: string): BpfLink {
    if (pointer === 0n) throw failure(what);
    const link = new BpfLink(pointer);
    this.#links.add(link);
    return link;
  }

  /** Attach a program by its section: tracepoints. @throws LiveAuditError */
  attach(program: string): BpfLink {
    forgetLog();
    const link = libbpf().attach(this.#program(program));
    return this.#attached(BigInt(link), `cannot attach ${program}`);
  }

  /** Attach a uprobe at a file offset, for every process. @throws LiveAuditError */
  attachUprobe(
    program: string,
    at: { path: string; offset: number; cookie: bigint; retprobe: boolean },
  ): BpfLink {
    forgetLog();
    const opts = Buffer.alloc(UPROBE_OPTS.size);
    opts.writeBigUInt64LE(BigInt(UPROBE_OPTS.size), 0);
    opts.writeBigUInt64LE(at.cookie, UPROBE_OPTS.cookie);
    opts.writeUInt8(at.retprobe ? 1 : 0, UPROBE_OPTS.retprobe);
    const { path, offset } = at;
    const link = libbpf().attachUprobe(this.#program(program), ANY_PID, path, offset, opts);
    return this.#attached(BigInt(link), `cannot attach ${program} to ${path}`);
  }

  /** Detach one link. */
  detach(link: BpfLink): void {
    this.#links.delete(link);
    link.close();
  }

  /** Own a link that was pinned by an earlier process. @throws LiveAuditError */
  adopt(pin: string): BpfLink {
    forgetLog();
    const link = BpfLink.open(pin);
    this.#links.add(link);
    return link;
  }

  /** Let go of everything that is pinned, attached as it is. */
  leave(): void {
    for (const link of this.#links) link.leave();
    this.#links.clear();
    this.close();
  }

  /** Detach everything; the maps stay. */
  detachAll(): void {
    for (const link of this.#links) link.close();
    this.#links.clear();
  }

  /** Detach everything and free the object. */
  close(): void {
    this.detachAll();
    if (this.#object !== 0n) libbpf().close(this.#object);
    this.#object = 0n;
  }
}
