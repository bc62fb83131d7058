/** Where a command was typed: terminal and working directory, out of the context record. */
import { withoutControls } from '../events/controls.ts';
import { toText } from '../events/text.ts';
import { ContextLayout, contextLength, joinPath } from './records.ts';

export interface Place {
  readonly tty: string | null;
  /** An absolute path; null where it was deeper than the kernel side walks. */
  readonly cwd: string | null;
}

/** Most commands are typed where the one before was: then nothing is decoded. */
export class Places {
  #raw = Buffer.alloc(0);
  #place: Place = { tty: null, cwd: null };

  /** @param bytes the memory of `view`, in which a context record begins at `at` */
  of(bytes: Buffer, view: DataView, at: number): Place {
    const from = at + ContextLayout.cwd_whole;
    const to = at + contextLength(view, at);
    if (this.#raw.compare(bytes, from, to) !== 0) {
      this.#raw = Buffer.from(bytes.subarray(from, to));
      this.#place = decode(this.#raw);
    }
    return this.#place;
  }
}

/** @param raw the context record from its member `cwd_whole` on */
function decode(raw: Buffer): Place {
  const tty = raw.subarray(
    ContextLayout.tty - ContextLayout.cwd_whole,
    ContextLayout.cwd - ContextLayout.cwd_whole,
  );
  const end = tty.indexOf(0);
  const name = end < 0 ? tty : tty.subarray(0, end);
  const whole = raw.readUInt32LE(0) === 1;
  const cwd = raw.subarray(ContextLayout.cwd - ContextLayout.cwd_whole);
  return {
    tty: name.length > 0 ? toText(withoutControls(name)) : null,
    cwd: whole ? toText(withoutControls(joinPath(cwd))) : null,
  };
}
