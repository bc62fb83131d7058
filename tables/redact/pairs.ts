/**
 * Names with their values in any text: `password=…` of connection strings, query strings and ini files,
 * `"password": "…"` of JSON, `password: …` of YAML, headers, `<password>…</password>`. Each `=`, `:` and `>`
 * is looked at once, and backwards no further than a name goes: linear.
 */
import { isPlainValue, isSecretName, isSecretPair } from './names.ts';
import type { SpanSink } from './spans.ts';

const SEPARATOR = /[=:>]/g;
const MAX_NAME = 64;
const MAX_SPACES = 8;
const MAX_SUBSTITUTION = 256;
const NAME_CHARACTER = /[\w.-]/;
const QUOTE = /["'`]/;
/** A header whose value is all that follows on its line, behind the word for its scheme. */
const HEADER = /^(?:proxy-)?authorization$|^x-auth$|^(?:set-)?cookie$/i;
const SCHEME =
  /(?:basic|bearer|token|digest|negotiate|apikey|api-key|key|aws4-hmac-sha256|splunk|oauth)[ \t]+/iy;
/** What follows a value where another pair, or nothing, follows. */
const NEXT_PAIR = /[&;,](?:[ \t]|["'\r\n]|[\w.-]{1,64}["']?[ \t]*[=:]|$)/y;
const CLOSING = /[)\]}]+(?:["' \t\r\n,;)\]}]|$)/y;

export function findPairs(text: string, sink: SpanSink): void {
  let found = 0;
  for (const { index, 0: separator } of text.matchAll(SEPARATOR)) {
    if (index < found) continue; // in the value of the pair before
    const name = nameBefore(text, index);
    if (name === null) continue;
    if (separator === '>') findElement(text, index, name, sink);
    else found = findValue(text, index, name, sink);
  }
}

interface Name {
  readonly text: string;
  readonly start: number;
  readonly quoted: boolean;
}

function nameBefore(text: string, at: number): Name | null {
  let end = at;
  while (end > 0 && at - end < MAX_SPACES && /[ \t:]/.test(text[end - 1] ?? '')) end--;
  const quoted = QUOTE.test(text[end - 1] ?? '');
  if (quoted) end -= text[end - 2] === '\\' ? 2 : 1;
  let start = end;
  while (start > 0 && end - start < MAX_NAME && NAME_CHARACTER.test(text[start - 1] ?? '')) start--;
  if (start >= end) return null;
  const name = text.slice(start, end);
  return isSecretName(name) || HEADER.test(name) ? { text: name, start, quoted } : null;
}

function findElement(text: string, at: number, { start }: Name, sink: SpanSink): void {
  if (text[start - 1] !== '<') return;
  const end = text.indexOf('<', at);
  const value = text.slice(at + 1, end < 0 ? text.length : end);
  if (value.trim() !== '' && !isPlainValue(value)) sink.add(at + 1, at + 1 + value.length);
}

/** @returns where it ends */
function findValue(text: string, at: number, name: Name, sink: SpanSink): number {
  const colon = text[at] === ':';
  let from = at + 1;
  if (colon && (text[from] === ':' || text[from] === '=' || text.startsWith('//', from))) return at;
  if (colon && HEADER.test(name.text)) return findHeader(text, from, name.quoted, sink);
  if (!colon && /[=>~]/.test(text[from] ?? '')) from++; // == => =~
  while (from - at <= MAX_SPACES && /[ \t]/.test(text[from] ?? '')) from++;
  if (colon && from > at + 1 && !name.quoted && !beginsLine(text, name.start)) return at;
  const end = valueEnd(text, from);
  const [start, stop] = inner(text, from, end);
  if (isSecretPair(name.text, text.slice(start, stop))) sink.add(start, stop);
  return end;
}

/** In prose `the password: …` is no pair. */
function beginsLine(text: string, start: number): boolean {
  let at = start;
  while (at > 0 && start - at < MAX_NAME && /[ \t"'{,([&;-]/.test(text[at - 1] ?? '')) at--;
  return at === 0 || text[at - 1] === '\n' || /[{,([&;]/.test(text.slice(at, start));
}

/** @param quoted its name is, and so is its value: JSON */
function findHeader(text: string, from: number, quoted: boolean, sink: SpanSink): number {
  let start = from;
  while (/[ \t]/.test(text[start] ?? '') || (quoted && /[\\"']/.test(text[start] ?? ''))) start++;
  SCHEME.lastIndex = start;
  const scheme = SCHEME.exec(text);
  if (scheme) start += scheme[0].length;
  let end = start;
  while (end < text.length && !/["'\r\n\\]/.test(text[end] ?? '')) end++;
  if (!isPlainValue(text.slice(start, end))) sink.add(start, end);
  return end;
}

/** Where a value ends: with its quote where it has one, else where a space or the next pair begins. */
function valueEnd(text: string, from: number): number {
  const escaped = text[from] === '\\' && QUOTE.test(text[from + 1] ?? '');
  const quote = text[escaped ? from + 1 : from] ?? '';
  if (QUOTE.test(quote)) return quotedEnd(text, from + (escaped ? 2 : 1), quote, escaped);
  let at = substitutionEnd(text, from);
  while (at < text.length && !endsValue(text, at)) at++;
  return at;
}

/** Behind `$(cat file)`, whose spaces end no value. */
function substitutionEnd(text: string, from: number): number {
  if (!text.startsWith('$(', from)) return from;
  const close = text.slice(from, from + MAX_SUBSTITUTION).indexOf(')');
  return close < 0 ? from : from + close + 1;
}

function quotedEnd(text: string, from: number, quote: string, escaped: boolean): number {
  for (let at = from; at < text.length; at++) {
    if (escaped && text[at] === '\\' && text[at + 1] === quote) return at + 2;
    if (!escaped && text[at] === '\\') at++;
    else if (!escaped && text[at] === quote) return at + 1;
  }
  return text.length;
}

function endsValue(text: string, at: number): boolean {
  const char = text[at] ?? '';
  if (/[ \t\r\n\f\v"'`<>|\0]/.test(char)) return true;
  if (/[&;,]/.test(char)) return test(NEXT_PAIR, text, at);
  return /[)\]}]/.test(char) && test(CLOSING, text, at);
}

function test(pattern: RegExp, text: string, at: number): boolean {
  pattern.lastIndex = at;
  return pattern.test(text);
}

/** Without the quotes around it. */
function inner(text: string, from: number, end: number): readonly [number, number] {
  const width = text[from] === '\\' && QUOTE.test(text[from + 1] ?? '') ? 2 : 1;
  const quote = text.slice(from, from + width);
  if (!QUOTE.test(quote) || width > quote.length) return [from, end];
  const closed = end - from >= 2 * width && text.slice(end - width, end) === quote;
  return [from + width, closed ? end - width : end];
}
