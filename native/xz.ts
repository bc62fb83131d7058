/**
 * Unpacking .xz through the system's liblzma, which dpkg, rpm and systemd need anyway: Node has none, and what
 * npm has is asynchronous or needs a compiler.
 */
import koffi from 'koffi';

/** The soname since XZ Utils 5.0 (2010). */
const LIBLZMA = 'liblzma.so.5';

/** lzma/base.h */
const LZMA_OK = 0;
const LZMA_BUF_ERROR = 10;

/** For the decoder's dictionary; xz -9 needs 65 MiB. */
const MEMORY_LIMIT = 128 * 1024 * 1024;
const FIRST_GUESS = 8;

type Decode = (
  limit: BigUint64Array,
  flags: number,
  allocator: null,
  input: Uint8Array,
  inputAt: BigUint64Array,
  inputSize: number,
  output: Uint8Array,
  outputAt: BigUint64Array,
  outputSize: number,
) => number;

let decode: Decode | null | undefined;

function load(): Decode | null {
  try {
    return koffi
      .load(LIBLZMA)
      .func(
        'int lzma_stream_buffer_decode(uint64_t *memlimit, uint32_t flags, void *allocator, const uint8_t *in, size_t *in_pos, size_t in_size, _Out_ uint8_t *out, size_t *out_pos, size_t out_size)',
      ) as unknown as Decode;
  } catch {
    return null;
  }
}

/**
 * @param maxBytes that it may be unpacked
 * @returns null where it is no whole .xz stream, is larger than that, or there is no liblzma
 */
export function unxz(packed: Uint8Array, maxBytes: number): Buffer | null {
  decode ??= load();
  if (!decode) return null;
  for (let size = Math.min(packed.length * FIRST_GUESS, maxBytes); ; ) {
    const out = Buffer.alloc(size);
    const limit = BigUint64Array.of(BigInt(MEMORY_LIMIT));
    const [from, to] = [BigUint64Array.of(0n), BigUint64Array.of(0n)];
    const result = decode(limit, 0, null, packed, from, packed.length, out, to, size);
    if (result === LZMA_OK) return out.subarray(0, Number(to[0]));
    if (result !== LZMA_BUF_ERROR || size === maxBytes) return null;
    size = Math.min(size * 2, maxBytes);
  }
}
