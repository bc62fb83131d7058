/**
 * Where the ash of a busybox reads a line (x86-64). It has no symbols; preadfd in ash.c, 1.20 to 1.36, is known by
 * what it prints for Ctrl-C, right behind the only call of the line editor that is its own:
 *
 *   nr = read_line_input(line_input_state, cmdedit_prompt, buf, IBUFSIZ);
 *   if (nr == 0) { write(STDOUT_FILENO, "^C", 2); …
 */
import type { Elf } from '../../native/elf.ts';
import { addressOf, callsFrom, codeOf, lastLoadOf } from './code.ts';

export interface LineEditor {
  /** Entry of read_line_input. */
  readonly entry: number;
  /** Where ash goes on when it returns. */
  readonly returnsTo: number;
}

const BANNER = Buffer.from('BusyBox v');
const INTERRUPTED = Buffer.from('^C\0');
/** mov $IBUFSIZ, %ecx: the fourth argument, 1024 with line editing. */
const BUFFER_SIZE = Buffer.from([0xb9, 0x00, 0x04, 0x00, 0x00]);
/** How far before "^C" that is, bytes; and how many instructions come from there to the call. */
const SPAN = 64;
const INSTRUCTIONS = 6;

/** Whether a program is a busybox: all that it calls is many programs'. */
export const isBusybox = (elf: Elf): boolean => addressOf(elf, BANNER) !== null;

/** @returns null where it has no ash that edits lines, or not as we know it */
export function lineEditor(elf: Elf): LineEditor | null {
  const code = codeOf(elf);
  const text = addressOf(elf, INTERRUPTED);
  const printed = code && text !== null ? lastLoadOf(code, text) : null;
  if (!code || printed === null) return null;
  const from = Math.max(printed - SPAN, 0);
  const size = code.bytes.subarray(from, printed).lastIndexOf(BUFFER_SIZE);
  if (size < 0) return null;
  const [call] = callsFrom(code, from + size, INSTRUCTIONS, 1);
  if (!call || call.at >= code.vaddr + printed) return null;
  return { entry: call.target, returnsTo: call.next };
}
