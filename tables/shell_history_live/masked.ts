/**
 * A command that goes on, without its secrets: for the checkpoint, which is a file. Each text keeps its length,
 * for chunks are told by their offsets; when the command is over, it is redacted once more.
 */
import type { Redactor } from '../redact/redactor.ts';
import type { Dialect, Line, OpenCommand } from './command.ts';

/** Bytes of a character: fish's are UTF-32. */
const widthOf = (dialect: Dialect): number => (dialect === 'fish' ? 4 : 1);

export function masked(open: OpenCommand, redactor: Redactor): OpenCommand {
  const { lines, whole, dialect } = open;
  const typed = maskLines(
    lines.map((line) => line.typed),
    dialect,
    redactor,
  );
  const expanded = lines.some((line) => line.expanded !== null)
    ? maskLines(
        lines.map((line) => line.expanded ?? line.typed),
        dialect,
        redactor,
      )
    : [];
  return {
    ...open,
    lines: lines.map((line, i) => ({
      typed: typed[i] ?? line.typed,
      expanded: line.expanded && (expanded[i] ?? null),
    })),
    whole: whole && (maskLines([whole], dialect, redactor)[0] ?? null),
  };
}

/** A secret may begin in one line and end in another. */
function maskLines(lines: readonly Line[], dialect: Dialect, redactor: Redactor): readonly Line[] {
  // Lines of the others have the newline that they were read with.
  const separator = Buffer.from(dialect === 'plain' ? '\n' : '');
  const parts = lines.flatMap(({ chunks }, i) => (i > 0 ? [separator, ...chunks] : chunks));
  const text = Buffer.concat(parts);
  const safe = maskWide(text, widthOf(dialect), redactor);
  if (safe === text) return lines;
  let at = 0;
  return lines.map((line, i) => {
    const start = i > 0 ? at + separator.length : at;
    at = start + line.chunks.reduce((sum, { length }) => sum + length, 0);
    return { ...line, chunks: [safe.subarray(start, at)], own: 1 };
  });
}

/** @param width bytes of a character, little endian: the lowest one is what tells of secrets */
function maskWide(text: Buffer, width: number, redactor: Redactor): Buffer {
  if (width === 1) return redactor.mask(text);
  const narrow = Buffer.from(text.filter((_, at) => at % width === 0));
  const safe = redactor.mask(narrow);
  if (safe === narrow) return text;
  const wide = Buffer.from(text);
  for (const [at, byte] of safe.entries())
    if (byte !== narrow[at])
      wide.fill(0, at * width, (at + 1) * width).writeUInt8(byte, at * width);
  return wide;
}
