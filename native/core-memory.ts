/** Keeps a process's memory out of a core file. */
import fs from 'node:fs';

const FILTER = '/proc/self/coredump_filter';
/** core(5): no kind of mapping. A limit of size would not hold where core_pattern is a pipe. */
const NOTHING = '0';

/**
 * What is dumped of this process and its children from here on is registers, and no memory. Where the kernel has no
 * such file (no CONFIG_ELF_CORE) there are no core files either.
 */
export function keepMemoryFromCore(): void {
  try {
    fs.writeFileSync(FILTER, NOTHING);
  } catch {
    // as said
  }
}
