/**
 * One BPF object, its maps, and the links of its programs. `BpfObject` owns every native handle and closes
 * them all.
 *
 * The kernel verifies a program for as long as half a second, so one is loaded when it is first to be attached:
 * a collector that goes on with what is pinned, or a host without such a binary, waits for none. libbpf loads an
 * object only once; those that come later are of another object from the same file, over the same maps.
 */
import { assetName } from './assets.ts';
import { BpfLink } from './bpf-link.ts';
import { LiveAuditError } from './errors.ts';
import { failure, forgetLog, libbpf } from './libbpf-binding.ts';
import { linkUprobe, type UprobePlace } from './uprobe.ts';
import { BPF_TRACE_UPROBE_MULTI, kernelHasUprobeMulti } from './uprobe-multi.ts';

type Pointer = bigint;

/** The verifier gives up with EAGAIN when a signal comes: that says nothing of the object. */
const LOAD_TRIES = 5;
/** Sections of programs that are attached by `attachUprobe`. */
const UPROBE = /^u(ret)?probe/;

export class BpfObject {
  readonly #path: string;
  /** The first has the maps; each one after it has some of the programs. */
  readonly #objects: Pointer[] = [];
  readonly #programs = new Map<string, Pointer>();
  readonly #links = new Set<BpfLink>();

  /**
   * Open, size and make the maps of one object.
   * @param maxEntries sizes of maps that differ from the object's own, by name
   * @param pinDirectory where the maps are pinned; those that are there already are taken over
   * @throws LiveAuditError BPF, BPF_DENIED, LIBBPF
   */
  constructor(
    path: string,
    maxEntries: Readonly<Record<string, number>> = {},
    pinDirectory: string | null = null,
  ) {
    this.#path = path;
    try {
      const object = this.#open();
      for (const program of programsOf(object)) libbpf().setAutoload(program, false);
      for (const [name, entries] of Object.entries(maxEntries))
        if (libbpf().setMaxEntries(this.#map(name), entries) !== 0)
          throw failure(`cannot size the map ${name}`);
      if (pinDirectory !== null) pinMaps(object, pinDirectory);
      this.#load(object);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  #open(): Pointer {
    forgetLog();
    const object = BigInt(libbpf().open(this.#path, null));
    if (object === 0n) throw failure(`cannot open ${assetName(this.#path)}`);
    this.#objects.push(object);
    return object;
  }

  /** libbpf loads an object once: after a failure it is to be closed. */
  #load(object: Pointer): void {
    if (libbpf().load(object) !== 0) throw failure(`the kernel refused ${assetName(this.#path)}`);
  }

  /**
   * Load programs that are not loaded yet, all in one go: what is attached next.
   * @throws LiveAuditError BPF: the kernel refuses one of them, and none is loaded
   */
  loadPrograms(names: Iterable<string>): void {
    const wanted = new Set([...names].filter((name) => !this.#programs.has(name)));
    if (wanted.size === 0) return;
    for (let tries = 1; ; tries++) {
      const object = this.#open();
      try {
        this.#loadOf(object, wanted);
        return;
      } catch (error) {
        this.#objects.pop();
        libbpf().close(object);
        if (tries === LOAD_TRIES || !/\bEAGAIN\b/.test((error as Error).message)) throw error;
      }
    }
  }

  #loadOf(object: Pointer, wanted: ReadonlySet<string>): void {
    for (const map of mapsOf(object)) {
      const fd = this.mapFd(String(libbpf().mapName(map)));
      if (libbpf().reuseMap(map, fd) !== 0) throw failure('cannot use the maps again');
    }
    const found = new Map<string, Pointer>();
    for (const program of programsOf(object)) {
      const name = String(libbpf().programName(program));
      libbpf().setAutoload(program, wanted.has(name));
      if (!wanted.has(name)) continue;
      found.set(name, program);
      if (kernelHasUprobeMulti() && UPROBE.test(String(libbpf().sectionName(program))))
        libbpf().setAttachType(program, BPF_TRACE_UPROBE_MULTI);
    }
    for (const name of wanted)
      if (!found.has(name)) throw new LiveAuditError('INTERNAL', `no BPF program ${name}`);
    this.#load(object);
    for (const [name, program] of found) this.#programs.set(name, program);
  }

  #map(name: string): Pointer {
    const [maps = 0n] = this.#objects;
    const map = BigInt(libbpf().findMap(maps, name));
    if (map === 0n) throw new LiveAuditError('INTERNAL', `no BPF map ${name}`);
    return map;
  }

  #program(name: string): Pointer {
    this.loadPrograms([name]);
    return this.#programs.get(name) ?? 0n;
  }

  /** The descriptor of a map: valid until `close`. */
  mapFd(name: string): number {
    return libbpf().mapFd(this.#map(name));
  }

  mapEntries(name: string): number {
    return libbpf().mapMaxEntries(this.#map(name));
  }

  #own(link: BpfLink): BpfLink {
    this.#links.add(link);
    return link;
  }

  /** Attach a program of a section raw_tp/NAME. @throws LiveAuditError */
  attachTracepoint(program: string): BpfLink {
    const pointer = this.#program(program);
    const [, tracepoint] = String(libbpf().sectionName(pointer)).split('/');
    forgetLog();
    const fd = libbpf().openRawTracepoint(tracepoint, libbpf().programFd(pointer));
    if (fd < 0) throw failure(`cannot attach ${program}`);
    return this.#own(new BpfLink(fd));
  }

  /** @throws LiveAuditError */
  attachUprobe(program: string, place: UprobePlace): BpfLink {
    const fd = libbpf().programFd(this.#program(program));
    return this.#own(new BpfLink(linkUprobe(fd, place)));
  }

  /** Detach one link. */
  detach(link: BpfLink): void {
    this.#links.delete(link);
    link.close();
  }

  /** Own a link that was pinned by an earlier process. @throws LiveAuditError */
  adopt(pin: string): BpfLink {
    return this.#own(BpfLink.open(pin));
  }

  /** Detach everything that is not pinned; the maps stay. */
  detachAll(): void {
    for (const link of this.#links) link.close();
    this.#links.clear();
  }

  /** Detach everything that is not pinned, and free the object. */
  close(): void {
    this.detachAll();
    for (const object of this.#objects.splice(0)) libbpf().close(object);
    this.#programs.clear();
  }
}

function* mapsOf(object: Pointer): Generator<Pointer> {
  for (let map = 0n; ; ) {
    map = BigInt(libbpf().nextMap(object, map));
    if (map === 0n) return;
    yield map;
  }
}

function* programsOf(object: Pointer): Generator<Pointer> {
  for (let program = 0n; ; ) {
    program = BigInt(libbpf().nextProgram(object, program));
    if (program === 0n) return;
    yield program;
  }
}

function pinMaps(object: Pointer, directory: string): void {
  for (const map of mapsOf(object)) {
    const name = String(libbpf().mapName(map));
    if (name.includes('.')) continue; // .rodata and its like are of the program, not state
    if (libbpf().setPinPath(map, `${directory}/${name}`) !== 0)
      throw failure(`cannot pin the map ${name}`);
  }
}
