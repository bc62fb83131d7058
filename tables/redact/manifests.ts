/** Kubernetes' manifests of kind Secret: all their values are secret, whatever their names. Pure, linear. */
import { isPlainValue } from './names.ts';
import type { SpanSink } from './spans.ts';

const KIND = /\bkind["']?[ \t]*:[ \t]*["']?Secret\b/;
const STRING_DATA = 'stringData';
/** What a block of YAML begins with, from the beginning of a line. */
const BLOCK = /^([ \t]*)(?:data|stringData)[ \t]*:[ \t]*\r?$/gm;
/** `"stringData": {…}` of JSON, and of YAML on one line. */
const OBJECT = /["']?\b(data|stringData)\b["']?[ \t\r\n]*:[ \t\r\n]*\{([^{}]*)/g;
const ITEM = /:[ \t\r\n]{0,64}(?:"((?:[^"\\]|\\.){0,65536})(?:"|$)|([^"',}\s][^,}\s]{0,65536}))/g;
/** `name:`; what follows is the value. */
const NAME = /^["']?[\w.-]+["']?[ \t]*:(?=[ \t\r]|$)/;
/** A value that goes on in the lines below. */
const GOES_ON = /^[|>][+\d-]*$/;

export function findManifests(text: string, sink: SpanSink): void {
  const isSecret = KIND.test(text);
  if (!isSecret && !text.includes(STRING_DATA)) return;
  for (const { index, 0: all, 1: name, 2: items = '' } of text.matchAll(OBJECT)) {
    if (!isSecret && name !== STRING_DATA) continue;
    const from = index + all.length - items.length;
    for (const item of items.matchAll(ITEM)) {
      const value = item[1] ?? item[2] ?? '';
      const end = from + item.index + item[0].length - (item[0].endsWith('"') ? 1 : 0);
      if (!isPlainValue(value)) sink.add(end - value.length, end);
    }
  }
  let ended = 0;
  for (const { index, 0: head, 1: indent = '' } of text.matchAll(BLOCK))
    if (index >= ended && (isSecret || head.includes(STRING_DATA)))
      ended = findBlock(text, index + head.length + 1, indent.length, sink);
}

/**
 * Lines that stand deeper than the name of the block.
 * @returns where they end
 */
function findBlock(text: string, from: number, indent: number, sink: SpanSink): number {
  for (let line = from; line < text.length; ) {
    const newline = text.indexOf('\n', line);
    const stop = newline < 0 ? text.length : newline;
    const content = text.slice(line, stop);
    const trimmed = content.trimStart();
    if (trimmed !== '' && content.length - trimmed.length <= indent) return line;
    const name = NAME.exec(trimmed)?.[0] ?? '';
    const value = trimmed.slice(name.length).trim();
    if (value !== '' && !GOES_ON.test(value) && !isPlainValue(value)) {
      const at = line + content.lastIndexOf(value);
      sink.add(at, at + value.length);
    }
    line = stop + 1;
  }
  return text.length;
}
