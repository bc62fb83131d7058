/** Giving memory back that was needed for a while: the kernel's BTF in libbpf, the symbols of servers. */
import v8 from 'node:v8';
import vm from 'node:vm';
import koffi from 'koffi';

/**
 * Collect all garbage, and return what is free then to the kernel: some 30 ms. A process that is idle would
 * keep what it loaded for hours, since nothing makes V8 look.
 */
export function giveMemoryBack(): void {
  v8.setFlagsFromString('--expose-gc');
  const collect: unknown = vm.runInNewContext('gc');
  v8.setFlagsFromString('--no-expose-gc');
  const all = { type: 'major', execution: 'sync', flavor: 'last-resort' };
  if (typeof collect === 'function') collect(all);
  koffi.load('libc.so.6').func('int malloc_trim(size_t pad)')(0);
}
