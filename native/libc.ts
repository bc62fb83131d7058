/** The few libc calls that Node does not offer, through koffi. */
import koffi from 'koffi';

const libc = koffi.load('libc.so.6');

/** Linux values, the same on x86-64 and arm64 (include/uapi/asm-generic/mman-common.h, fcntl.h). */
export const PROT_READ = 1;
export const PROT_WRITE = 2;
export const MAP_SHARED = 1;
export const LOCK_SH = 1;
export const LOCK_EX = 2;
export const LOCK_NB = 4;

const MAP_FAILED = 0xffff_ffff_ffff_ffffn;

const mmap = libc.func(
  'uintptr_t mmap(uintptr_t addr, size_t length, int prot, int flags, int fd, int64_t offset)',
);
const munmap = libc.func('int munmap(uintptr_t addr, size_t length)');
const getpagesize = libc.func('int getpagesize(void)');
const flock_ = libc.func('int flock(int fd, int operation)');

/** The name of an errno value: 17 is EEXIST. */
export function errnoName(value: number): string {
  return Object.entries(koffi.os.errno).find(([, v]) => v === value)?.[0] ?? `errno ${value}`;
}

/** The errno of the last koffi call, by name. */
export const lastErrno = (): string => errnoName(koffi.errno());

/**
 * A shared mapping of an open file. The buffer is only valid until `close`, which must be the last use:
 * touching it later is a crash, so its owner keeps it private.
 */
export class Mapping {
  readonly buffer: ArrayBuffer;
  #address: bigint;
  readonly #length: number;

  /** @throws Error naming the errno */
  constructor(fd: number, length: number, prot: number, offset = 0) {
    const address = BigInt(mmap(0, length, prot, MAP_SHARED, fd, offset));
    if (address === MAP_FAILED) throw new Error(`mmap of ${length} bytes: ${lastErrno()}`);
    this.#address = address;
    this.#length = length;
    this.buffer = koffi.view(address, length);
  }

  close(): void {
    if (this.#address === 0n) return;
    munmap(this.#address, this.#length);
    this.#address = 0n;
  }
}

/** Bytes of a memory page: 4096 on x86-64, 4096 to 65536 on arm64. */
export const pageSize = (): number => getpagesize();

/** Take a shared lock without waiting; it goes with the descriptor (so with the process). */
export function shareLock(fd: number): boolean {
  return flock_(fd, LOCK_SH | LOCK_NB) === 0;
}

/** Take an exclusive lock without waiting; it goes with the descriptor (so with the process). */
export function tryLock(fd: number): boolean {
  return flock_(fd, LOCK_EX | LOCK_NB) === 0;
}
