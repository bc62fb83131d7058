/**
 * libbpf through koffi: its functions, loaded when first needed, and what it says of a failure. libbpf.ts and
 * bpf-map.ts are what the rest of the program uses.
 *
 * Struct layouts are libbpf's public ABI (bpf/libbpf.h, checked with 1.1 and 1.7).
 */
import koffi from 'koffi';
import { loadLibrary } from './assets.ts';
import { refusal } from './bpf-support.ts';
import { LiveAuditError } from './errors.ts';
import { errnoName } from './libc.ts';

/** The soname of libbpf 1.x; 0.x has another ABI. */
const LIBBPF = 'libbpf.so.1';

const LIBBPF_WARN = 0;
const LOG_LINE = 1024;
const KEPT_LOG_LINES = 20;

/** Lines around the one that says why. */
const LOG_NOISE = /^-- |^processed |^libbpf: failed to load object/;

/** What libbpf last warned of, newest last: the verifier's reason is in there. */
const log: string[] = [];

/** Before a call whose failure is to be told: what was said before has nothing to do with it. */
export const forgetLog = (): void => {
  log.length = 0;
};

function bind() {
  const lib = (() => {
    try {
      return loadLibrary(LIBBPF, (file) => koffi.load(file));
    } catch (cause) {
      if (cause instanceof LiveAuditError) throw cause;
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
    nextProgram: lib.func(
      'uintptr_t bpf_object__next_program(uintptr_t object, uintptr_t program)',
    ),
    programName: lib.func('const char *bpf_program__name(uintptr_t program)'),
    setAutoload: lib.func('int bpf_program__set_autoload(uintptr_t program, bool autoload)'),
    reuseMap: lib.func('int bpf_map__reuse_fd(uintptr_t map, int fd)'),
    mapFd: lib.func('int bpf_map__fd(uintptr_t map)'),
    mapMaxEntries: lib.func('uint32_t bpf_map__max_entries(uintptr_t map)'),
    setMaxEntries: lib.func('int bpf_map__set_max_entries(uintptr_t map, uint32_t entries)'),
    updateElem: lib.func(
      'int bpf_map_update_elem(int fd, const void *key, const void *value, uint64_t flags)',
    ),
    lookupElem: lib.func('int bpf_map_lookup_elem(int fd, const void *key, void *value)'),
    lookupBatch: lib.func(
      'int bpf_map_lookup_batch(int fd, void *in, _Out_ uint32_t *out, void *keys, void *values, _Inout_ uint32_t *count, void *opts)',
    ),
    nextKey: lib.func('int bpf_map_get_next_key(int fd, const void *key, void *next)'),
    sectionName: lib.func('const char *bpf_program__section_name(uintptr_t program)'),
    programFd: lib.func('int bpf_program__fd(uintptr_t program)'),
    openRawTracepoint: lib.func('int bpf_raw_tracepoint_open(const char *name, int program)'),
    createLink: lib.func(
      'int bpf_link_create(int program, int target, int type, const void *opts)',
    ),
    setAttachType: lib.func(
      'int bpf_program__set_expected_attach_type(uintptr_t program, int type)',
    ),
    setPinPath: lib.func('int bpf_map__set_pin_path(uintptr_t map, const char *path)'),
    nextMap: lib.func('uintptr_t bpf_object__next_map(uintptr_t object, uintptr_t map)'),
    mapName: lib.func('const char *bpf_map__name(uintptr_t map)'),
    deleteElem: lib.func('int bpf_map_delete_elem(int fd, const void *key)'),
    getInfo: lib.func('int bpf_obj_get_info_by_fd(int fd, void *info, _Inout_ uint32_t *length)'),
    pin: lib.func('int bpf_obj_pin(int fd, const char *path)'),
    getPinned: lib.func('int bpf_obj_get(const char *path)'),
    possibleCpus: lib.func('int libbpf_num_possible_cpus(void)'),
  };
}

let bound: ReturnType<typeof bind> | undefined;
/** libbpf is loaded when first needed: a reader never needs it. @throws LiveAuditError LIBBPF */
export const libbpf = () => {
  bound ??= bind();
  return bound;
};

/** What went wrong in the call before, with errno and the verifier's reason. */
export function failure(what: string): LiveAuditError {
  const said = log.filter((line) => !LOG_NOISE.test(line)).at(-1);
  return refusal(what, errnoName(koffi.errno()), said);
}
