/**
 * BPF stamps records with CLOCK_BOOTTIME; tables show Unix time. The difference is sampled again with
 * every batch, so a step of the system clock moves only later events.
 */
import koffi from 'koffi';

const CLOCK_REALTIME = 0;
const CLOCK_BOOTTIME = 7;

const clockGettime = koffi
  .load('libc.so.6')
  .func('int clock_gettime(int clock, _Out_ int64_t *timespec)');

const timespec = new BigInt64Array(2);

/** ns of a clock, as a bigint. */
function read(clock: number): bigint {
  clockGettime(clock, timespec);
  return (timespec[0] ?? 0n) * 1_000_000_000n + (timespec[1] ?? 0n);
}

/** What to add to a CLOCK_BOOTTIME reading to get Unix time, ns. */
export function bootToUnix(): bigint {
  return read(CLOCK_REALTIME) - read(CLOCK_BOOTTIME);
}

/** CLOCK_BOOTTIME now, ns. */
export const bootTime = (): bigint => read(CLOCK_BOOTTIME);
