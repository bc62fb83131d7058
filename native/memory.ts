/** Giving memory back that was needed for a while: the kernel's BTF in libbpf, the symbols of servers. */
import v8 from 'node:v8';
import vm from 'node:vm';
import koffi from 'koffi';

/**
 * Collect garbage, and return what is free then to the kernel. A process with little to do would keep for hours
 * what it needed once, since nothing makes V8 look.
 * @param all also what V8 keeps for its speed: some 100 ms, else 20
 */
export function giveMemoryBack(all: boolean): void {
  v8.setFlagsFromString('--expose-gc');
  const collect: unknown = vm.runInNewContext('gc');
  v8.setFlagsFromString('--no-expose-gc');
  const flavor = all ? 'last-resort' : 'regular';
  if (typeof collect === 'function') collect({ type: 'major', execution: 'sync', flavor });
  koffi.load('libc.so.6').func('int malloc_trim(size_t pad)')(0);
}
