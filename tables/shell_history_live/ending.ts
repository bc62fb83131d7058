/** How commands end, and what the records of their ends say. */
import { RecordFlag, RecordHeader, u64 } from '../../native/events.ts';
import { hasFlag } from './chunk.ts';
import type { OpenCommand } from './command.ts';
import { ShellRecord, STATUS_UNKNOWN, StatusLayout } from './records.ts';

/** How a command ended. */
export interface Ending {
  /** CLOCK_BOOTTIME, ns; null: not known. */
  readonly time: number | null;
  /** When it started to run; 0: it did not, or was begun before the attach. */
  readonly started: number;
  readonly code: number | null;
  readonly status: 'done' | 'killed' | 'exec' | 'running at exit';
}

/** The record of its end was lost. */
export const UNKNOWN_END: Ending = { time: null, started: 0, code: null, status: 'done' };
/** Capture ended before it did. */
export const GIVEN_UP: Ending = { time: null, started: 0, code: null, status: 'running at exit' };

/** Of a command that did not run (a comment, a syntax error) it is 0; null where its end is not known. */
export function duration(
  began: number,
  { time, started }: Ending,
  { late }: OpenCommand,
): number | null {
  if (time === null) return null;
  return started > 0 || late ? time - began : 0;
}

/** What a REJECTED, END, EXEC or EXIT record says. */
export function endingOf(type: number, view: DataView, offset: number): Ending {
  const time = u64(view, offset + RecordHeader.time);
  const started = u64(view, offset + StatusLayout.started);
  const status = view.getInt32(offset + StatusLayout.status, true);
  if (type === ShellRecord.EXEC) return { time, started, code: null, status: 'exec' };
  if (type === ShellRecord.EXIT) return { time, started, ...exitCode(status) };
  const code = status === STATUS_UNKNOWN ? null : status;
  // It was over before.
  const when = hasFlag(view, offset, RecordFlag.LATE) ? null : time;
  return { time: when, started, code, status: 'done' };
}

/** A kernel wait status as a shell tells it: 128 + signal, or the status given to exit(). */
function exitCode(status: number): { code: number; status: 'killed' | 'done' } {
  const signal = status & 0x7f;
  return signal > 0
    ? { code: 128 + signal, status: 'killed' }
    : { code: (status >> 8) & 0xff, status: 'done' };
}
