/**
 * Where dash and the ash of busybox call for a line (x86-64). Neither has symbols.
 *
 * dash: preadfd in input.c, 0.5.4 to 0.5.13, is the only one to call read() for a whole buffer, whose size is a
 * constant: read(parsefile->fd, buf, BUFSIZ …). The builtin `read` asks for one byte, here-documents for 128.
 *
 * busybox: preadfd in ash.c, 1.20 to 1.36, is known by what it prints for Ctrl-C, right behind the only call of the
 * line editor that is its own:
 *
 *   nr = read_line_input(line_input_state, cmdedit_prompt, buf, IBUFSIZ);
 *   if (nr == 0) { write(STDOUT_FILENO, "^C", 2); …
 */
import type { Elf } from '../../native/elf.ts';
import { addressOf, type Call, type Code, callsFrom, codeOf, lastLoadOf, once } from './code.ts';
import { ENDBR64_SIZE, stubOf } from './stubs.ts';

const BANNER = Buffer.from('BusyBox v');
const INTERRUPTED = Buffer.from('^C\0');
/** mov $…, %ecx: the fourth argument, IBUFSIZ: 1024 with line editing. */
const LINE_SIZE = Buffer.from([0xb9, 0x00, 0x04, 0x00, 0x00]);
/** How far before "^C" that is, bytes; and how many instructions come from there to the call. */
const SPAN = 64;
const INSTRUCTIONS = 6;
/** mov $…, %edx: the third argument. */
const MOV_EDX = 0xba;
/** BUFSIZ of musl is the smallest; less a byte or so. */
const BUFFER_SIZE = { min: 1000, max: 65_536 } as const;

/** Whether a program is a busybox: all that it calls is many programs'. */
export const isBusybox = once((elf): boolean => addressOf(elf, BANNER) !== null);

/** @returns null where the program does not read lines as we know it */
export const lineCall = once((elf): Call | null => {
  const code = codeOf(elf);
  if (!code) return null;
  return isBusybox(elf) ? editorCall(elf, code) : readCall(elf, code);
});

function editorCall(elf: Elf, code: Code): Call | null {
  const text = addressOf(elf, INTERRUPTED);
  const printed = text === null ? null : lastLoadOf(code, text);
  if (printed === null) return null;
  const from = Math.max(printed - SPAN, 0);
  const size = code.bytes.subarray(from, printed).lastIndexOf(LINE_SIZE);
  if (size < 0) return null;
  const [call] = callsFrom(code, from + size, INSTRUCTIONS, 1);
  return call && call.at < code.vaddr + printed ? call : null;
}

function readCall(elf: Elf, code: Code): Call | null {
  const stub = stubOf(elf, 'read');
  if (stub === null) return null;
  const found = new Map<number, Call>();
  const { bytes } = code;
  for (let at = bytes.indexOf(MOV_EDX); at >= 0; at = bytes.indexOf(MOV_EDX, at + 1)) {
    if (at + 5 > bytes.length) break;
    const size = bytes.readUInt32LE(at + 1);
    if (size < BUFFER_SIZE.min || size > BUFFER_SIZE.max) continue;
    const [call] = callsFrom(code, at, INSTRUCTIONS, 1);
    if (call && (call.target === stub || call.target === stub - ENDBR64_SIZE))
      found.set(call.at, call);
  }
  const [only] = found.values();
  return found.size === 1 ? (only ?? null) : null;
}
