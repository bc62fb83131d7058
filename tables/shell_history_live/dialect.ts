/** How a shell's own bytes of a command become what was typed. Pure. */

const NEWLINE = 0x0a;
/** zsh.h: Meta stands before a byte whose bit 5 is turned. */
const META = 0x83;
const META_BIT = 0x20;

/** Without the newline that it was read with. */
export function withoutNewline(bytes: Buffer): Buffer {
  return bytes.at(-1) === NEWLINE ? bytes.subarray(0, -1) : bytes;
}

/** What zsh's metafied bytes stand for: utils.c, unmetafy. */
export function unmetafied(bytes: Buffer): Buffer {
  const first = bytes.indexOf(META);
  if (first < 0) return bytes;
  const plain = Buffer.allocUnsafe(bytes.length);
  bytes.copy(plain, 0, 0, first);
  let length = first;
  for (let at = first; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    const escaped = bytes[at + 1];
    if (byte === META && escaped !== undefined) {
      plain[length++] = escaped ^ META_BIT;
      at++;
    } else plain[length++] = byte;
  }
  return plain.subarray(0, length);
}

const ITEM = /^- cmd: (.*)$/gm;

/**
 * The commands in what fish writes to its history: `- cmd: ` and the command, in which a backslash is doubled
 * and a newline is `\n` (history_file.cpp, escape_yaml_fish_2_0), then lines that are indented.
 */
export function historyCommands(bytes: Buffer): Buffer {
  // Latin-1 keeps each byte as it is.
  const commands = [...bytes.toString('latin1').matchAll(ITEM)].map(([, command = '']) =>
    command.replace(/\\(\\|n)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped)),
  );
  return Buffer.from(commands.join('\n'), 'latin1');
}
