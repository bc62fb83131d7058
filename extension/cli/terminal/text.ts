/** Texts of others on a terminal: what could drive it is shown, not sent, and lengths are those that one sees. */

/**
 * C0 and C1 controls, line and paragraph separators, and what turns the direction of writing: a text with them
 * could show another command than it holds.
 */
const DRIVES =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is escaped
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** @returns one line */
export const escapeControls = (text: string): string =>
  text.replace(DRIVES, (c) =>
    c === '\n' ? '\\n' : c === '\t' ? '\\t' : `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;

function widthOf(char: string): number {
  if (/\p{Mark}/u.test(char)) return 0;
  return WIDE.test(char) ? 2 : 1;
}

/** Columns on a terminal: East Asian wide characters and emoji take two, combining marks none. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const char of text) width += widthOf(char);
  return width;
}

const ELLIPSIS = '…';

/** At most so many columns; what is cut ends in an ellipsis. */
export function cut(text: string, width: number): string {
  let taken = 0;
  let length = 0;
  /** Where the text would end, with room for the ellipsis. */
  let end = 0;
  // Stops where it is full: a megabyte is not measured to show eighty columns.
  for (const char of text) {
    taken += widthOf(char);
    if (taken > width) return `${text.slice(0, end)}${ELLIPSIS}`;
    length += char.length;
    if (taken < width) end = length;
  }
  return text;
}

/** Cut from the left: of a path the end says more. */
export function cutStart(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  const chars = [...text];
  let taken = 0;
  let from = chars.length;
  while (from > 0) {
    const next = widthOf(chars[from - 1] ?? '');
    if (taken + next > width - 1) break;
    taken += next;
    from--;
  }
  return `${ELLIPSIS}${chars.slice(from).join('')}`;
}

export function pad(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  const space = ' '.repeat(Math.max(0, width - displayWidth(text)));
  return align === 'left' ? text + space : space + text;
}

/** Words in lines of at most so many columns; a longer word has a line of its own, cut. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && displayWidth(line) + 1 + displayWidth(word) > width) {
      lines.push(line);
      line = '';
    }
    line = line === '' ? cut(word, width) : `${line} ${word}`;
  }
  return [...lines, line];
}
