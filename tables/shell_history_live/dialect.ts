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

/** fish's common.h: a byte of no character is a code point of the private use area from here on. */
const ENCODE_DIRECT = { base: 0xf600, count: 0x100 } as const;
const WIDE = 4;
/** Code points that are none: what was typed cannot hold them. */
const MAX_CODE_POINT = 0x10ffff;
const REPLACEMENT = 0xfffd;

/** fish's wide characters (UTF-32, little endian) as the bytes that were typed. */
export function narrowed(wide: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(wide.length);
  let length = 0;
  for (let at = 0; at + WIDE <= wide.length; at += WIDE) {
    const code = wide.readUInt32LE(at);
    const direct = code - ENCODE_DIRECT.base;
    if (code < 0x80) bytes[length++] = code;
    else if (direct >= 0 && direct < ENCODE_DIRECT.count) bytes[length++] = direct;
    else
      length += bytes.write(
        String.fromCodePoint(code > MAX_CODE_POINT ? REPLACEMENT : code),
        length,
      );
  }
  return bytes.subarray(0, length);
}
