/**
 * A statement without its values, much as performance_schema's digests: `?` for a value, `...` for a list of them,
 * no comments, one space between tokens, words in lower case. Pure. docs/decisions says why it is our own.
 */
import { createHash } from 'node:crypto';
import { type Token, tokens } from './lexer.ts';

const VALUE = '?';
const VALUES = '...';
/** Words after which a sign belongs to the value. */
const BEFORE_VALUE = new Set(
  'select where and or not in between like set values value when then else by limit offset return on having is div mod xor case if interval'.split(
    ' ',
  ),
);
/** Before these NULL is a value, and not a part of IS NULL or of a column's definition. */
const OPENS_VALUE = new Set(['(', ',', '=', '<>', '!=', '<=>']);
const FINGERPRINT_DIGITS = 16;

/** null where the text has no token. */
export function normalize(text: string): string | null {
  const parts: string[] = [];
  for (const token of tokens(text)) put(parts, partOf(token, text));
  while (parts.at(-1) === ';') parts.pop();
  return parts.length === 0 ? null : join(parts);
}

/** 16 hexadecimal digits. */
export function fingerprint(normalized: string): string {
  return createHash('sha256').update(normalized).digest('hex').slice(0, FINGERPRINT_DIGITS);
}

function partOf({ kind, start, end }: Token, text: string): string {
  if (kind === 'literal' || kind === 'placeholder') return VALUE;
  const part = text.slice(start, end);
  return kind === 'word' ? part.toLowerCase() : part;
}

function put(parts: string[], part: string): void {
  const before = parts.at(-1);
  if (part === 'null' && before !== undefined && OPENS_VALUE.has(before)) {
    put(parts, VALUE);
    return;
  }
  if (part === VALUE) {
    while (isSign(parts.at(-1)) && beginsValue(parts.at(-2))) parts.pop();
    // Strings side by side are one: 'a' 'b'.
    if (parts.at(-1) === VALUE || parts.at(-1) === VALUES) return;
    if (parts.at(-1) === ',' && isValue(parts.at(-2))) {
      parts.splice(-2, 2, VALUES);
      return;
    }
  } else if (part === ')' && joinsRows(parts)) {
    const row = parts.at(-5) === VALUES || parts.at(-1) === VALUES ? VALUES : VALUE;
    parts.splice(-6, 6, '(', row, ')', ',', VALUES);
    return;
  } else if (part === ')' && joinsMoreRows(parts)) {
    parts.splice(-3, 3);
    return;
  }
  parts.push(part);
}

const isSign = (part: string | undefined): boolean => part === '-' || part === '+';
const isValue = (part: string | undefined): boolean => part === VALUE || part === VALUES;

const beginsValue = (part: string | undefined): boolean =>
  part === undefined || /^[^\w`)?.$@]+$/.test(part) || BEFORE_VALUE.has(part);

/** `( ? ) , ( ?` before a `)`: the rows of an INSERT. */
function joinsRows(parts: readonly string[]): boolean {
  const [open1, value1, close, comma, open2, value2] = parts.slice(-6);
  return (
    open1 === '(' &&
    isValue(value1) &&
    close === ')' &&
    comma === ',' &&
    open2 === '(' &&
    isValue(value2)
  );
}

/** `, ... , ( ?` before a `)`: one more of them. */
function joinsMoreRows(parts: readonly string[]): boolean {
  const [close, comma1, more, comma2, open, value] = parts.slice(-6);
  return (
    close === ')' &&
    comma1 === ',' &&
    more === VALUES &&
    comma2 === ',' &&
    open === '(' &&
    isValue(value)
  );
}

const NO_SPACE_BEFORE = new Set([',', ')', '.', ';']);
const NO_SPACE_BEHIND = new Set(['(', '.']);

function join(parts: readonly string[]): string {
  let text = '';
  let before: string | undefined;
  for (const part of parts) {
    const close =
      NO_SPACE_BEFORE.has(part) || (before !== undefined && NO_SPACE_BEHIND.has(before));
    text += before === undefined || close || before.endsWith('@') ? part : ` ${part}`;
    before = part;
  }
  return text;
}
