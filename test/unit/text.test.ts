/** Bytes to text: what UTF-8 is stays, what it is not becomes visible. */
import { cutText, toText } from '../../tables/events/text.ts';

const cases: readonly [string, readonly number[], string][] = [
  ['nothing', [], ''],
  ['two bytes', [0xc3, 0xa9], 'é'],
  ['four bytes', [0xf0, 0x9f, 0x98, 0x80], '😀'],
  ['a lone continuation', [0x61, 0x80, 0x62], 'a\\x80b'],
  ['a lead without its rest', [0xe4, 0xbd], '\\xe4\\xbd'],
  ['a lead before ASCII', [0xc3, 0x28], '\\xc3('],
  ['an overlong slash', [0xc0, 0xaf], '\\xc0\\xaf'],
  ['an overlong three-byte form', [0xe0, 0x80, 0xaf], '\\xe0\\x80\\xaf'],
  ['a surrogate', [0xed, 0xa0, 0x80], '\\xed\\xa0\\x80'],
  ['beyond U+10FFFF', [0xf4, 0x90, 0x80, 0x80], '\\xf4\\x90\\x80\\x80'],
  ['bytes that no UTF-8 has', [0xff, 0xfe, 0x0a], '\\xff\\xfe\n'],
  ['a sound sequence behind an unsound one', [0xe4, 0xe4, 0xbd, 0xa0], '\\xe4你'],
  ['control characters', [0x1b, 0x5b, 0x00, 0x7f], '\x1b[\x00\x7f'],
];

test.each(cases)('toText: %s', (_, bytes, text) => {
  expect(toText(Buffer.from(bytes))).toBe(text);
});

test.each([
  ['abc', 3, 'abc'],
  ['abc', 2, 'ab'],
  ['abc', 0, ''],
  ['aé', 2, 'a'],
  ['a你', 2, 'a'],
  ['a你', 3, 'a'],
  ['a你', 4, 'a你'],
  ['a😀b', 4, 'a'],
  ['a😀b', 5, 'a😀'],
])('cutText: %p to %d bytes', (text, max, cut) => {
  expect(cutText(Buffer.from(text), max).toString()).toBe(cut);
});

test('cutText cuts bytes that are no UTF-8 where it is told to', () => {
  const bytes = Buffer.alloc(10, 0x80);
  expect(cutText(bytes, 7)).toHaveLength(7);
  expect(cutText(Buffer.alloc(10, 0xe4), 7)).toHaveLength(7);
});
