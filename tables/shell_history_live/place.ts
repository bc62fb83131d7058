/** Where a command was typed: terminal and working directory, out of the context record. */
import { withoutControls } from '../events/controls.ts';
import { toText } from '../events/text.ts';
import { ContextLayout, contextLength, joinPath } from './records.ts';

export interface Place {
  readonly tty: string | null;
  /** An absolute path; null where it was deeper than the kernel side walks. */
  readonly cwd: string | null;
}

/** @param bytes the memory of `view`, in which a context record begins at `at` */
export function placeOf(bytes: Buffer, view: DataView, at: number): Place {
  const tty = bytes.subarray(at + ContextLayout.tty, at + ContextLayout.cwd);
  const end = tty.indexOf(0);
  const name = end < 0 ? tty : tty.subarray(0, end);
  const whole = view.getUint32(at + ContextLayout.cwd_whole, true) === 1;
  const cwd = bytes.subarray(at + ContextLayout.cwd, at + contextLength(view, at));
  return {
    tty: name.length > 0 ? toText(withoutControls(name)) : null,
    cwd: whole ? toText(withoutControls(joinPath(cwd))) : null,
  };
}
