/** Why this machine does not let us capture: what is missing, or what denies it, for one line with the remedy. */
import fs from 'node:fs';
import os from 'node:os';
import { LiveAuditError, type LiveAuditErrorCode } from './errors.ts';
import { missingCapabilities } from './privileges.ts';

/** The oldest kernel with what the programs use: cookies of uprobes. */
const OLDEST: readonly [number, number] = [5, 15];

export interface Problem {
  readonly code: LiveAuditErrorCode;
  readonly detail: string;
}

/** What is read of a machine; tests have their own. */
export interface Machine {
  /** As uname has it. */
  readonly release: string;
  /** @returns the content without white space around it, or null where it cannot be read */
  read(file: string): string | null;
  exists(file: string): boolean;
  /** Capabilities that capture needs and this process lacks. */
  missing(): readonly string[];
}

const HERE: Machine = {
  release: os.release(),
  read: (file) => {
    try {
      return fs.readFileSync(file, 'latin1').trim();
    } catch {
      return null;
    }
  },
  exists: fs.existsSync,
  missing: () => missingCapabilities().filter((name) => name !== 'CAP_AUDIT_READ'), // not for BPF
};

/** What the kernel lacks, or null. */
export function missingSupport(machine: Machine = HERE): Problem | null {
  const [major = 0, minor = 0] = machine.release.split('.').map(Number.parseFloat);
  if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]))
    return { code: 'KERNEL_OLD', detail: `kernel ${machine.release}` };
  if (!machine.exists('/sys/kernel/btf/vmlinux'))
    return { code: 'NO_BTF', detail: 'no /sys/kernel/btf/vmlinux' };
  if (!machine.exists('/sys/bus/event_source/devices/uprobe'))
    return { code: 'NO_UPROBES', detail: 'no /sys/bus/event_source/devices/uprobe' };
  return null;
}

/** Who denies BPF: the most likely first. */
export function denial(machine: Machine = HERE): Problem {
  const missing = machine.missing();
  if (missing.length > 0) return { code: 'BPF_DENIED', detail: `without ${missing.join(', ')}` };
  if (/^\s*0\s+0\s+4294967295$/.exec(machine.read('/proc/self/uid_map') ?? '') === null)
    return { code: 'USER_NAMESPACE', detail: 'root of a user namespace only' };
  if (machine.read('/sys/kernel/security/lockdown')?.includes('[confidentiality]'))
    return { code: 'LOCKDOWN', detail: 'kernel lockdown is at confidentiality' };
  const label = machine.read('/proc/self/attr/current')?.replace(/\0/g, '') ?? '';
  if (machine.read('/sys/fs/selinux/enforce') === '1')
    return { code: 'SELINUX', detail: `SELinux is enforcing, and we run as ${label}` };
  if (/\((enforce|kill)\)$/.test(label))
    return { code: 'APPARMOR', detail: `AppArmor confines us by ${label}` };
  if (/^Seccomp:\s*2$/m.test(machine.read('/proc/self/status') ?? ''))
    return { code: 'SECCOMP', detail: 'a filter of system calls is on us' };
  return { code: 'BPF_DENIED', detail: 'with all capabilities' };
}

/** The error of a call that the kernel refused. */
export function refusal(what: string, errno: string, said: string | undefined): LiveAuditError {
  if (errno === 'EPERM' || errno === 'EACCES') {
    const { code, detail } = denial();
    return new LiveAuditError(code, `${what}: ${errno}: ${detail}`);
  }
  const problem = missingSupport();
  if (problem) return new LiveAuditError(problem.code, `${what}: ${errno}: ${problem.detail}`);
  return new LiveAuditError('BPF', `${what}: ${errno}${said === undefined ? '' : ` (${said})`}`);
}
