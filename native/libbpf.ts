/**
 * libbpf through koffi: one BPF object, its maps, and the links of its programs. `BpfObject` owns every
 * native handle and closes them all.
 *
 * Struct layouts are libbpf's public ABI (bpf/libbpf.h, checked with 1.1 and 1.7).
 */
import koffi from 'koffi';
import { LiveAuditError } from './errors.ts';
import { errnoName } from './libc.ts';

type Pointer = bigint;

/** The soname of libbpf 1.x; 0.x has another ABI. */
const LIBBPF = 'libbpf.so.1';

/** struct bpf_uprobe_opts: offsets and size; longer structs of later versions take a zero tail. */
const UPROBE_OPTS = { size: 40, cookie: 16, retprobe: 24 } as const;

const BPF_ANY = 0;
const LIBBPF_WARN = 0;
const ANY_PID = -1;
const LOG_LINE = 1024;
const KEPT_LOG_LINES = 20;

/** Lines around the one that says why. */
const LOG_NOISE = /^-- |^processed |^libbpf: failed to load object/;

/** What libbpf last warned of, newest last: the verifier's reason is in there. */
const log: string[] = [];

function bind() {
  const lib = (() => {
    try {
      return koffi.load(LIBBPF);
    } catch (cause) {
      throw new LiveAuditError('LIBBPF', `${LIBBPF} cannot be loaded`, { cause });
    }
  })();
  const vsnprintf = koffi
    .load('libc.so.6')
    .func('int vsnprintf(_Out_ uint8_t *buffer, size_t size, const char *format, void *args)');
  const printer = koffi.proto('int', ['int', 'const char *', 'void *']);
  const print = koffi.register((level: number, format: string, args: unknown): number => {
    if (level !== LIBBPF_WARN) return 0;
    const line = Buffer.alloc(LOG_LINE);
    const n = vsnprintf(line, line.length, format, args);
    log.push(line.toString('utf8', 0, Math.min(n, line.length - 1)).trim());
    if (log.length > KEPT_LOG_LINES) log.shift();
    return n;
  }, koffi.pointer(printer));
  lib.func('libbpf_set_print', koffi.pointer(printer), [koffi.pointer(printer)])(print);
  return {
    open: lib.func('uintptr_t bpf_object__open_file(const char *path, void *opts)'),
    load: lib.func('int bpf_object__load(uintptr_t object)'),
    close: lib.func('void bpf_object__close(uintptr_t object)'),
    findMap: lib.func('uintptr_t bpf_object__find_map_by_name(uintptr_t object, const char *name)'),
    findProgram: lib.func(
      'uintptr_t bpf_object__find_program_by_name(uintptr_t object, const char *name)',
    ),
    mapFd: lib.func('int bpf_map__fd(uintptr_t map)'),
    mapMaxEntries: lib.func('uint32_t bpf_map__max_entries(uintptr_t map)'),
    setMaxEntries: lib.func('int bpf_map__set_max_entries(uintptr_t map, uint32_t entries)'),
    updateElem: lib.func(
      'int bpf_map_update_elem(int fd, const void *key, const void *value, uint64_t flags)',
    ),
    lookupElem: lib.func('int bpf_map_lookup_elem(int fd, const void *key, void *value)'),
    nextKey: lib.func('int bpf_map_get_next_key(int fd, const void *key, void *next)'),
    attach: lib.func('uintptr_t bpf_program__attach(uintptr_t program)'),
    attachUprobe: lib.func(
      'uintptr_t bpf_program__attach_uprobe_opts(uintptr_t program, int pid, const char *path, size_t offset, const void *opts)',
    ),
    setPinPath: lib.func('int bpf_map__set_pin_path(uintptr_t map, const char *path)'),
    nextMap: lib.func('uintptr_t bpf_object__next_map(uintptr_t object, uintptr_t map)'),
    mapName: lib.func('const char *bpf_map__name(uintptr_t map)'),
    pinLink: lib.func('int bpf_link__pin(uintptr_t link, const char *path)'),
    openLink: lib.func('uintptr_t bpf_link__open(const char *path)'),
    disconnectLink: lib.func('void bpf_link__disconnect(uintptr_t link)'),
    getInfo: lib.func('int bpf_obj_get_info_by_fd(int fd, void *info, _Inout_ uint32_t *length)'),
    getPinned: lib.func('int bpf_obj_get(const char *path)'),
    destroyLink: lib.func('int bpf_link__destroy(uintptr_t link)'),
    possibleCpus: lib.func('int libbpf_num_possible_cpus(void)'),
  };
}

let bound: ReturnType<typeof bind> | undefined;
/** libbpf is loaded when first needed: a reader never needs it. */
const libbpf = () => {
  bound ??= bind();
  return bound;
};

/** How many values a per-CPU map has for each key. */
export const possibleCpus = (): number => libbpf().possibleCpus();

function failure(what: string): LiveAuditError {
  const errno = koffi.errno();
  const name = errnoName(errno);
  if (errno === koffi.os.errno.EPERM || errno === koffi.os.errno.EACCES)
    return new LiveAuditError('BPF_DENIED', `${what}: ${name}`);
  const said = log.filter((line) => !LOG_NOISE.test(line)).at(-1);
  return new LiveAuditError('BPF', `${what}: ${name}${said === undefined ? '' : ` (${said})`}`);
}

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
    log.length = 0;
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
    log.length = 0;
    const link = libbpf().attach(this.#program(program));
    return this.#attached(BigInt(link), `cannot attach ${program}`);
  }

  /** Attach a uprobe at a file offset, for every process. @throws LiveAuditError */
  attachUprobe(
    program: string,
    at: { path: string; offset: number; cookie: bigint; retprobe: boolean },
  ): BpfLink {
    log.length = 0;
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
    log.length = 0;
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

/** Set one element of an array map. @throws LiveAuditError */
export function updateArray(fd: number, index: number, value: Uint8Array): void {
  const key = new Uint32Array([index]);
  if (libbpf().updateElem(fd, key, value, BPF_ANY) !== 0) throw failure('bpf_map_update_elem');
}

/** Read one element of an array map into `value` (per-CPU: one 8-byte aligned value per possible CPU). */
export function lookupArray(fd: number, index: number, value: Uint8Array): void {
  const key = new Uint32Array([index]);
  if (libbpf().lookupElem(fd, key, value) !== 0) throw failure('bpf_map_lookup_elem');
}

/**
 * The values of a hash map with keys of 4 bytes, each in memory of its own. Of what changes meanwhile some may
 * be missing: where a key goes, the kernel begins anew, and what was given already ends it.
 */
export function* mapValues(fd: number, valueSize: number): Generator<Uint8Array<ArrayBuffer>> {
  const next = new Uint32Array(1);
  const given = new Set<number>();
  let key: Uint32Array | null = null;
  while (libbpf().nextKey(fd, key, next) === 0 && !given.has(next[0] ?? 0)) {
    given.add(next[0] ?? 0);
    key = Uint32Array.from(next);
    const value = new Uint8Array(valueSize);
    if (libbpf().lookupElem(fd, key, value) === 0) yield value;
  }
}

/** struct bpf_map_info (include/uapi/linux/bpf.h): u32 type, u32 id, … */
const MAP_INFO = { id: 4, size: 96 } as const;

/** The kernel's id of a map: never used again until the next boot. @throws LiveAuditError */
export function mapId(fd: number): number {
  const info = Buffer.alloc(MAP_INFO.size);
  if (libbpf().getInfo(fd, info, [info.length]) !== 0) throw failure('bpf_obj_get_info_by_fd');
  return info.readUInt32LE(MAP_INFO.id);
}

/** A descriptor of a pinned map, to be closed by the caller; null where there is none. */
export function openPinnedMap(path: string): number | null {
  const fd = libbpf().getPinned(path);
  return fd < 0 ? null : fd;
}
