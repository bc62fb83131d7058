/**
 * Uprobes by the link of Linux 6.6 (BPF_TRACE_UPROBE_MULTI). The older way, a perf event for each probe, asks for
 * CAP_SYS_ADMIN (perf_uprobe_event_init; seen on 6.18); this one is content with CAP_BPF and CAP_PERFMON. Its
 * programs also run where another one is interrupted on the same processor, which skips those of perf events.
 *
 * By the system call itself: libbpf knows it since 1.3 only.
 */
import fs from 'node:fs';
import os from 'node:os';
import koffi from 'koffi';

/** enum bpf_attach_type (include/uapi/linux/bpf.h): a program is loaded for it. */
export const BPF_TRACE_UPROBE_MULTI = 48;
/** enum bpf_cmd */
const BPF_LINK_CREATE = 28;
/** include/uapi/linux/bpf.h */
const BPF_F_UPROBE_MULTI_RETURN = 1;
/** __NR_bpf */
const BPF: Readonly<Record<string, number>> = { x64: 321, arm64: 280 };

/** union bpf_attr for BPF_LINK_CREATE: offsets and size. */
const ATTR = {
  program: 0,
  attachType: 8,
  path: 16,
  offsets: 24,
  cookies: 40,
  count: 48,
  flags: 52,
  size: 64,
} as const;

const BTF = '/sys/kernel/btf/vmlinux';
/** The first version with such links. */
const SINCE = { major: 6, minor: 6 } as const;
/** The type that a kernel has where it has them: distributions bring them to older versions, too. */
const KERNEL_TYPE = '\0bpf_uprobe_multi_link\0';

let known: boolean | undefined;

export function kernelHasUprobeMulti(): boolean {
  if (known === undefined) {
    const [major = 0, minor = 0] = os.release().split('.').map(Number);
    known = major > SINCE.major || (major === SINCE.major && minor >= SINCE.minor);
    if (known) return known; // to read all of BTF takes 20 ms
    try {
      known = fs.readFileSync(BTF).includes(KERNEL_TYPE, 0, 'latin1');
    } catch {
      known = false;
    }
  }
  return known;
}

let syscall: ((...args: unknown[]) => number | bigint) | undefined;

/**
 * @param program descriptor of a BPF program that was loaded for BPF_TRACE_UPROBE_MULTI
 * @returns descriptor of the link, or -1 with errno
 */
export function createUprobeMulti(
  program: number,
  at: {
    readonly path: string;
    readonly offset: number;
    readonly cookie: bigint;
    readonly retprobe: boolean;
  },
): number {
  syscall ??= koffi
    .load('libc.so.6')
    .func('long syscall(long number, int command, const void *attr, unsigned int size)');
  // What the attributes point to; it must outlive the call.
  const path = Buffer.from(`${at.path}\0`);
  const arrays = new BigUint64Array([BigInt(at.offset), at.cookie]);
  const first = BigInt(koffi.address(arrays));
  const attr = Buffer.alloc(ATTR.size);
  attr.writeUInt32LE(program, ATTR.program);
  attr.writeUInt32LE(BPF_TRACE_UPROBE_MULTI, ATTR.attachType);
  attr.writeBigUInt64LE(BigInt(koffi.address(path)), ATTR.path);
  attr.writeBigUInt64LE(first, ATTR.offsets);
  attr.writeBigUInt64LE(first + BigInt(arrays.BYTES_PER_ELEMENT), ATTR.cookies);
  attr.writeUInt32LE(1, ATTR.count);
  attr.writeUInt32LE(at.retprobe ? BPF_F_UPROBE_MULTI_RETURN : 0, ATTR.flags);
  const link = Number(syscall(BPF[process.arch], BPF_LINK_CREATE, attr, attr.length));
  return link;
}
