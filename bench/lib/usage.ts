/** What a process uses: CPU to the nanosecond, memory by mapping. */
import fs from 'node:fs';
import koffi from 'koffi';

const libc = koffi.load('libc.so.6');
const clockOf = libc.func('int clock_getcpuclockid(int pid, _Out_ int32_t *clock)');
const getrusage = libc.func('int getrusage(int who, _Out_ int64_t *usage)');
const clockGettime = libc.func('int clock_gettime(int clock, _Out_ int64_t *timespec)');

/**
 * CPU time of all threads of a process so far, ended ones included, ns: its CPU clock (clock_getcpuclockid(3)),
 * which any process may read. /proc/PID/stat says the same in ticks of 10 ms; not every kernel has schedstat.
 */
export function cpuTime(pid: number): bigint {
  const clock = new Int32Array(1);
  const timespec = new BigInt64Array(2);
  if (clockOf(pid, clock) !== 0 || clockGettime(clock[0] ?? 0, timespec) !== 0)
    throw new Error(`process ${pid} is gone`);
  return (timespec[0] ?? 0n) * 1_000_000_000n + (timespec[1] ?? 0n);
}

const RUSAGE_CHILDREN = -1;
/** struct rusage on 64-bit machines: struct timeval of user and of system time, then 14 longs. */
const RUSAGE_WORDS = 18;
const US_PER_S = 1e6;

/** CPU time of the children that have ended and been waited for, and of theirs, s. */
export function childUsage(): number {
  const words = new BigInt64Array(RUSAGE_WORDS);
  if (getrusage(RUSAGE_CHILDREN, words) !== 0) throw new Error('getrusage failed');
  const [userS = 0n, userUs = 0n, systemS = 0n, systemUs = 0n] = words;
  return Number(userS + systemS) + Number(userUs + systemUs) / US_PER_S;
}

/** utime and stime of /proc/PID/stat: fields 14 and 15, counted from after the name in parentheses. */
const UTIME = 11;
const TICKS_PER_S = 100;

/** The same as the kernel's accounts show it, s. */
export function cpuTicks(pid: number): number {
  const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[UTIME]) + Number(fields[UTIME + 1])) / TICKS_PER_S;
}

/** Resident bytes of a process, by what is mapped; together they are its VmRSS. */
export interface Memory {
  /** The table's ring file. */
  readonly ring: number;
  /** The kernel's ring buffer of BPF records, which the kernel maps into us. */
  readonly bpf: number;
  /** Pages of other files: the Node executable and the libraries, shared by all who run them. */
  readonly files: number;
  /** Heap, stacks and JIT code: what is there for this process alone. */
  readonly anonymous: number;
}

const MAPPING = /^[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \d+ *(.*)$/;
const RSS = /^Rss: +(\d+) kB/;
const ANONYMOUS = /^Anonymous: +(\d+) kB/;

export function memory(pid: number): Memory {
  const sum = { ring: 0, bpf: 0, files: 0, anonymous: 0 };
  let path = '';
  let rss = 0;
  for (const line of fs.readFileSync(`/proc/${pid}/smaps`, 'utf8').split('\n')) {
    const mapping = MAPPING.exec(line);
    if (mapping) path = mapping[1] ?? '';
    rss = Number(RSS.exec(line)?.[1] ?? rss / 1024) * 1024;
    const anonymous = ANONYMOUS.exec(line);
    if (!anonymous) continue;
    // A mapping's Anonymous line comes after its Rss: private copies of a file's pages are ours alone.
    const own = Number(anonymous[1]) * 1024;
    if (path.endsWith('.ring')) sum.ring += rss;
    else if (path.startsWith('anon_inode:bpf')) sum.bpf += rss;
    else {
      sum.anonymous += own;
      sum.files += rss - own;
    }
  }
  return sum;
}
