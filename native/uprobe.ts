/**
 * Attaching a BPF program to a uprobe: by the link that Linux 6.6 has for it (uprobe-multi.ts), before that by a
 * perf event for the instruction and a BPF link that holds it (Linux 5.15, for the cookie). Not by libbpf's
 * bpf_program__attach_uprobe_opts: its link keeps the perf event's descriptor to itself, so that it either
 * disables the event, pinned or not, or leaks it.
 */
import fs from 'node:fs';
import koffi from 'koffi';
import { LiveAuditError } from './errors.ts';
import { failure, forgetLog, libbpf } from './libbpf-binding.ts';
import { createUprobeMulti, kernelHasUprobeMulti } from './uprobe-multi.ts';

/** Where a program is to run: in every process that maps the file. */
export interface UprobePlace {
  readonly path: string;
  /** In the file, bytes. */
  readonly offset: number;
  /** What the program gets from bpf_get_attach_cookie. */
  readonly cookie: bigint;
  /** At the return of the function that begins there. */
  readonly retprobe: boolean;
}

/** The perf event source of uprobes, since Linux 4.17. */
const SOURCE = '/sys/bus/event_source/devices/uprobe';
/** __NR_perf_event_open */
const PERF_EVENT_OPEN: Readonly<Record<string, number>> = { x64: 298, arm64: 241 };
/** include/uapi/linux/perf_event.h */
const PERF_ATTR_SIZE_VER1 = 72;
const PERF_FLAG_FD_CLOEXEC = 8;
const PERF_EVENT_IOC_ENABLE = 0x2400;
const ANY_PID = -1;
/** A uprobe is on all CPUs, whichever is named. */
const A_CPU = 0;
const NO_GROUP = -1;
/** enum bpf_attach_type */
const BPF_PERF_EVENT = 41;
/** struct bpf_link_create_opts: longer ones of later versions take a zero tail. */
const LINK_OPTS = { size: 40, cookie: 32 } as const;

interface Source {
  readonly type: number;
  /** The bit of `config` that asks for the return. */
  readonly retprobe: bigint;
}

function readSource(): Source {
  try {
    const type = Number(fs.readFileSync(`${SOURCE}/type`, 'latin1'));
    const format = fs.readFileSync(`${SOURCE}/format/retprobe`, 'latin1'); // config:0
    return { type, retprobe: 1n << BigInt(format.split(':')[1]?.trim() ?? 0) };
  } catch (cause) {
    throw new LiveAuditError('BPF', 'the kernel has no uprobes', { cause });
  }
}

function bind() {
  const libc = koffi.load('libc.so.6');
  const attr = koffi.struct({
    type: 'uint32_t',
    size: 'uint32_t',
    config: 'uint64_t',
    unused: koffi.array('uint64_t', 5), // up to bp_type
    uprobe_path: 'const char *',
    probe_offset: 'uint64_t',
  });
  if (koffi.sizeof(attr) !== PERF_ATTR_SIZE_VER1)
    throw new LiveAuditError('INTERNAL', 'struct perf_event_attr');
  const number = PERF_EVENT_OPEN[process.arch];
  const syscall = libc.func('syscall', 'long', [
    ...['long', koffi.pointer(attr), 'int', 'int', 'int', 'unsigned long'],
  ]);
  return {
    open: (event: object): number =>
      Number(syscall(number, event, ANY_PID, A_CPU, NO_GROUP, PERF_FLAG_FD_CLOEXEC)),
    ioctl: libc.func('int ioctl(int fd, unsigned long request, long argument)'),
    source: readSource(),
  };
}

let bound: ReturnType<typeof bind> | undefined;

/**
 * @param program descriptor of a loaded BPF program
 * @returns descriptor of the link: attached for as long as it is open or pinned
 * @throws LiveAuditError BPF, BPF_DENIED
 */
export function linkUprobe(program: number, place: UprobePlace): number {
  return kernelHasUprobeMulti() ? linkMulti(program, place) : linkPerfEvent(program, place);
}

function linkMulti(program: number, place: UprobePlace): number {
  forgetLog();
  const link = createUprobeMulti(program, place);
  if (link < 0) throw failure(`cannot attach to ${place.path}`);
  return link;
}

function linkPerfEvent(program: number, { path, offset, cookie, retprobe }: UprobePlace): number {
  bound ??= bind();
  const { open, ioctl, source } = bound;
  forgetLog();
  const what = `cannot attach to ${path}`;
  const event = open({
    ...{ type: source.type, size: PERF_ATTR_SIZE_VER1, unused: [0, 0, 0, 0, 0] },
    config: retprobe ? source.retprobe : 0n,
    ...{ uprobe_path: path, probe_offset: offset },
  });
  if (event < 0) throw failure(what);
  try {
    const opts = Buffer.alloc(LINK_OPTS.size);
    opts.writeBigUInt64LE(BigInt(LINK_OPTS.size), 0);
    opts.writeBigUInt64LE(cookie, LINK_OPTS.cookie);
    const link = libbpf().createLink(program, event, BPF_PERF_EVENT, opts);
    if (link < 0) throw failure(what);
    ioctl(event, PERF_EVENT_IOC_ENABLE, 0);
    return link;
  } finally {
    fs.closeSync(event); // the link holds it
  }
}
