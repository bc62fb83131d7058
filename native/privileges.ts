/**
 * Least privilege: a collector that was started with all rights of root goes on with those that capture needs. The
 * process executes itself anew with a smaller bounding set, because capabilities are of a thread (capset(2)), and
 * Node has threads from its first moment: after exec all of them have what is left, and nothing brings more back.
 */
import fs from 'node:fs';
import koffi from 'koffi';
import { LiveAuditError } from './errors.ts';
import { lastErrno } from './libc.ts';
import { kernelHasUprobeMulti } from './uprobe-multi.ts';

/** include/uapi/linux/capability.h */
export const CAPABILITIES = {
  CAP_DAC_READ_SEARCH: 2,
  CAP_NET_ADMIN: 12,
  CAP_SYS_PTRACE: 19,
  CAP_SYS_ADMIN: 21,
  CAP_AUDIT_CONTROL: 30,
  CAP_AUDIT_READ: 37,
  CAP_PERFMON: 38,
  CAP_BPF: 39,
} as const;
export type Capability = keyof typeof CAPABILITIES;

/** What capture needs; docs/threat-model.md says which is for what. */
export const NEEDED: readonly Capability[] = [
  'CAP_BPF',
  'CAP_PERFMON',
  'CAP_SYS_PTRACE',
  'CAP_DAC_READ_SEARCH',
  'CAP_AUDIT_READ',
];

/**
 * Kept where they are there: to ask whether audit is on at all, and for a receive buffer of audit records beyond
 * net.core.rmem_max. The unit of the packages does without.
 */
const USEFUL: readonly Capability[] = ['CAP_AUDIT_CONTROL', 'CAP_NET_ADMIN'];

/** include/uapi/linux/prctl.h */
const PR_CAPBSET_DROP = 24;
const PR_SET_NO_NEW_PRIVS = 38;

/** A set as the kernel writes it: bit n is capability n. */
type CapabilitySet = bigint;

const setOf = (names: readonly Capability[]): CapabilitySet =>
  names.reduce((set, name) => set | (1n << BigInt(CAPABILITIES[name])), 0n);

/** A line of /proc/self/status: CapEff, CapPrm or CapBnd. */
export function capabilities(kind: 'CapEff' | 'CapPrm' | 'CapBnd'): CapabilitySet {
  const status = fs.readFileSync('/proc/self/status', 'latin1');
  return BigInt(`0x${new RegExp(`^${kind}:\\s*([0-9a-f]+)`, 'm').exec(status)?.[1] ?? '0'}`);
}

/** Those that this process lacks for capture. */
export function missingCapabilities(): Capability[] {
  const held = capabilities('CapEff');
  if ((held & setOf(['CAP_SYS_ADMIN'])) !== 0n) return []; // it stands for BPF and PERFMON, and root has the rest
  return needed().filter((name) => (held & setOf([name])) === 0n);
}

/** Without the newer kind of uprobes a perf event is opened for each, which is the right of CAP_SYS_ADMIN. */
function needed(): readonly Capability[] {
  return kernelHasUprobeMulti() ? NEEDED : [...NEEDED, 'CAP_SYS_ADMIN'];
}

/**
 * Go on with what capture needs, executed anew; or at once, where there is nothing to give up.
 * @throws LiveAuditError PRIVILEGES where the kernel refuses
 */
export function keepOnlyNeeded(): void {
  if (process.geteuid?.() !== 0) return; // exec would take what a file's or an ambient capability gave
  const kept = setOf([...needed(), ...USEFUL]);
  const surplus = capabilities('CapBnd') & ~kept;
  if (surplus === 0n || process.execve === undefined) return;
  const prctl = koffi
    .load('libc.so.6')
    .func(
      'int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)',
    );
  const call = (option: number, argument: number): void => {
    if (prctl(option, argument, 0, 0, 0) !== 0)
      throw new LiveAuditError('PRIVILEGES', `prctl ${option}: ${lastErrno()}`);
  };
  call(PR_SET_NO_NEW_PRIVS, 1);
  for (let bit = 0; surplus >> BigInt(bit) !== 0n; bit++)
    if (((surplus >> BigInt(bit)) & 1n) === 1n) call(PR_CAPBSET_DROP, bit);
  const { execPath, execArgv, argv } = process;
  // In the single executable the flags of Node are inside, and argv[1] is the executable once more.
  const own = argv[1] === execPath ? argv.slice(2) : [...execArgv, ...argv.slice(1)];
  process.execve(execPath, [execPath, ...own]);
}
