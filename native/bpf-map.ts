/** BPF maps by descriptor: their elements, and which map it is. */
import { failure, libbpf } from './libbpf-binding.ts';

const BPF_ANY = 0;
/** enum bpf_map_type (include/uapi/linux/bpf.h) */
export const MapType = { PERCPU_ARRAY: 6 } as const;

/** How many values a per-CPU map has for each key. */
export const possibleCpus = (): number => libbpf().possibleCpus();

/** Set one element of an array map. @throws LiveAuditError */
export function updateArray(fd: number, index: number, value: Uint8Array): void {
  const key = new Uint32Array([index]);
  if (libbpf().updateElem(fd, key, value, BPF_ANY) !== 0) throw failure('bpf_map_update_elem');
}

/**
 * Read one element of an array map.
 * @param value of the map's value size, or the kernel writes beyond it; per-CPU: one 8-byte aligned value per
 *   possible CPU
 * @throws LiveAuditError
 */
export function lookupArray(fd: number, index: number, value: Uint8Array): void {
  const key = new Uint32Array([index]);
  if (libbpf().lookupElem(fd, key, value) !== 0) throw failure('bpf_map_lookup_elem');
}

/**
 * Read the first elements of an array map in one call (per-CPU ones since 5.13).
 * @param keys room for as many indices as there are elements to read, all within the map
 * @param values of the map's value size for each; per-CPU: one 8-byte aligned value per possible CPU
 * @throws LiveAuditError
 */
export function lookupFirst(fd: number, keys: Uint32Array, values: Uint8Array): void {
  const count = [keys.length];
  if (
    libbpf().lookupBatch(fd, null, [0], keys, values, count, null) !== 0 &&
    count[0] !== keys.length
  )
    throw failure('bpf_map_lookup_batch');
}

/** Take one element out of a map; one that is not there is no error. */
export function deleteElement(fd: number, key: Uint8Array): void {
  libbpf().deleteElem(fd, key);
}

/** Where a key goes meanwhile, the kernel begins anew: so many times the size of the map is gone through at most. */
const MAX_TURNS = 4;

/**
 * Keys and values of a hash map, each in memory of its own. Of what changes meanwhile some may be missing.
 * @throws LiveAuditError
 */
export function* mapEntries(
  fd: number,
  valueSize: number,
): Generator<{ readonly key: Uint8Array; readonly value: Uint8Array<ArrayBuffer> }> {
  const { keySize, maxEntries } = mapInfo(fd);
  const key = Buffer.alloc(keySize);
  const next = Buffer.alloc(keySize);
  const given = new Set<string>();
  let steps = MAX_TURNS * maxEntries;
  for (let from: Buffer | null = null; steps > 0; from = key, steps--) {
    if (libbpf().nextKey(fd, from, next) !== 0) return;
    next.copy(key);
    const name = key.toString('latin1');
    if (given.has(name)) continue;
    given.add(name);
    const value = new Uint8Array(valueSize);
    if (libbpf().lookupElem(fd, key, value) === 0) yield { key: Uint8Array.from(key), value };
  }
}

/** struct bpf_map_info: all u32 up to the name. */
const MAP_INFO = { type: 0, id: 4, keySize: 8, valueSize: 12, maxEntries: 16, size: 96 } as const;

export interface MapInfo {
  readonly type: number;
  /** Never used again until the next boot. */
  readonly id: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
}

/** What the kernel says of a map. @throws LiveAuditError */
export function mapInfo(fd: number): MapInfo {
  const info = Buffer.alloc(MAP_INFO.size);
  if (libbpf().getInfo(fd, info, [info.length]) !== 0) throw failure('bpf_obj_get_info_by_fd');
  const at = (member: Exclude<keyof typeof MAP_INFO, 'size'>) =>
    info.readUInt32LE(MAP_INFO[member]);
  return {
    type: at('type'),
    id: at('id'),
    keySize: at('keySize'),
    valueSize: at('valueSize'),
    maxEntries: at('maxEntries'),
  };
}

/** A descriptor of a pinned map, to be closed by the caller; null where there is none. */
export function openPinnedMap(path: string): number | null {
  const fd = libbpf().getPinned(path);
  return fd < 0 ? null : fd;
}
