/** JSON whose errors say where: V8 gives the place for some errors only, and quotes the text in others. */

/** @throws SyntaxError with one line: `is no JSON at line 2, column 5` */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const before = text.slice(0, longestStart(text)).split('\n');
    const column = (before.at(-1)?.length ?? 0) + 1;
    throw new SyntaxError(`is no JSON at line ${before.length}, column ${column}`);
  }
}

/** How many characters of a text that is no JSON could still begin one. */
function longestStart(text: string): number {
  let good = 0;
  let bad = text.length + 1;
  while (bad - good > 1) {
    const middle = (good + bad) >>> 1;
    if (canBegin(text.slice(0, middle))) good = middle;
    else bad = middle;
  }
  return good;
}

function canBegin(start: string): boolean {
  try {
    JSON.parse(start);
    return true;
  } catch (error) {
    const { message } = error as SyntaxError;
    if (/^(Unexpected end|Unterminated string)/.test(message)) return true;
    const position = /at position (\d+)/.exec(message)?.[1];
    return position !== undefined && Number(position) >= start.length;
  }
}
