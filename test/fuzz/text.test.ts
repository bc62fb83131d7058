import { isUtf8 } from 'node:buffer';
import fc from 'fast-check';
import { cutText, toText } from '../../tables/events/text.ts';

const RUNS = { numRuns: 2000 };

/** Bytes as they come: sound text, single bytes, and text that was cut into. */
const bytes = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'binary' }).map((text) => Buffer.from(text)),
      fc.uint8Array({ maxLength: 6 }).map((array) => Buffer.from(array)),
      fc.constantFrom('é', '你', '😀').map((text) => Buffer.from(text).subarray(0, -1)),
    ),
    { maxLength: 8 },
  )
  .map((parts) => Buffer.concat(parts));

/** The definition, byte by byte, through Node's own decoder. */
function byDefinition(input: Buffer): string {
  let text = '';
  for (let at = 0; at < input.length; ) {
    const length = [1, 2, 3, 4].find(
      (n) => at + n <= input.length && isUtf8(input.subarray(at, at + n)),
    );
    if (length === undefined) text += `\\x${input.toString('hex', at, at + 1)}`;
    else text += input.toString('utf8', at, at + length);
    at += length ?? 1;
  }
  return text;
}

test('toText: UTF-8 is unchanged', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => toText(Buffer.from(text)) === text),
    RUNS,
  );
});

test('toText: whatever the bytes are, the result is well-formed, and each odd byte is \\xHH', () => {
  fc.assert(
    fc.property(bytes, (input) => {
      const text = toText(input);
      expect(text.isWellFormed()).toBe(true);
      expect(text).toBe(byDefinition(input));
    }),
    RUNS,
  );
});

test('cutText: at most max bytes, the beginning, and no sequence in two', () => {
  fc.assert(
    fc.property(bytes, fc.nat(40), (input, max) => {
      const cut = cutText(input, max);
      expect(cut.length).toBeLessThanOrEqual(max);
      expect(cut.length).toBeGreaterThan(Math.min(max, input.length) - 4);
      expect(input.subarray(0, cut.length)).toEqual(cut);
      expect(toText(input).startsWith(toText(cut))).toBe(true);
    }),
    RUNS,
  );
});
