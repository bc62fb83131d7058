/** Giving memory back that was needed for a while: the kernel's BTF in libbpf, the symbols of servers. */
import v8 from 'node:v8';
import vm from 'node:vm';
import koffi from 'koffi';

type Collect = (options: {
  type: 'major';
  execution: 'sync';
  flavor: 'regular' | 'last-resort';
}) => void;

const bind = () => {
  v8.setFlagsFromString('--expose-gc');
  const collect: unknown = vm.runInNewContext('gc');
  v8.setFlagsFromString('--no-expose-gc');
  return {
    collect: collect as Collect,
    malloc_trim: koffi.load('libc.so.6').func('int malloc_trim(size_t pad)'),
  };
};
let bound: ReturnType<typeof bind> | undefined;

/**
 * Collect garbage, and return what is free then to the kernel. A process with little to do would keep for hours
 * what it needed once, since nothing makes V8 look.
 * @param all also what V8 keeps for its speed: some 30 ms, else 10
 */
export function giveMemoryBack(all: boolean): void {
  bound ??= bind();
  bound.collect({ type: 'major', execution: 'sync', flavor: all ? 'last-resort' : 'regular' });
  bound.malloc_trim(0);
}
