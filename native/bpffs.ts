/** The BPF file system: where links and maps are pinned so that they outlive the process. */
import fs from 'node:fs';
import koffi from 'koffi';
import { LiveAuditError } from './errors.ts';
import { lastErrno } from './libc.ts';

export const BPFFS = '/sys/fs/bpf';

/** BPF_FS_MAGIC (include/uapi/linux/magic.h) */
const MAGIC = 0xcafe_4a11;

const mount = koffi
  .load('libc.so.6')
  .func(
    'int mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data)',
  );

const isBpffs = (): boolean => {
  try {
    return fs.statfsSync(BPFFS).type >>> 0 === MAGIC;
  } catch {
    return false;
  }
};

/**
 * See that the BPF file system is there; mounted where it is not, as bpftool and systemd do.
 * @returns why it cannot be used and what to do, in one line, or null
 */
export function bpffsProblem(): string | null {
  if (isBpffs()) return null;
  const missing = (detail: string): string => new LiveAuditError('NO_BPFFS', detail).line;
  if (!fs.existsSync(BPFFS)) return missing(`no directory ${BPFFS}`);
  if (mount('bpf', BPFFS, 'bpf', 0, 'mode=0700') === 0 && isBpffs()) return null;
  return missing(`no BPF file system at ${BPFFS}, and mounting it failed (${lastErrno()})`);
}
