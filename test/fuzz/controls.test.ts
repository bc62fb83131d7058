/** Control characters are found wherever they stand: four bytes are looked at at once. */
import fc from 'fast-check';
import { isPrintable, withoutControls } from '../../tables/events/controls.ts';

const RUNS = { numRuns: 3000 };
/** Mostly printable, with the bytes at which the look at words could go wrong. */
const byte = fc.oneof(
  { weight: 20, arbitrary: fc.integer({ min: 0x20, max: 0x7e }) },
  fc.constantFrom(0x00, 0x09, 0x0a, 0x1b, 0x1f, 0x7f, 0x80, 0x9f, 0xc2, 0xff),
);
const placed = fc
  .tuple(fc.array(byte, { maxLength: 40 }), fc.nat({ max: 7 }))
  .map(([bytes, before]) => Buffer.from([...Buffer.alloc(before), ...bytes]).subarray(before));

test('printable is what has no control character and no newline, and all of ASCII but those', () => {
  fc.assert(
    fc.property(placed, (bytes) => {
      const ascii = bytes.every((b) => b >= 0x20 && b < 0x7f);
      if (ascii) expect(isPrintable(bytes)).toBe(true);
      if (isPrintable(bytes)) {
        expect(bytes.some((b) => b < 0x20 || b === 0x7f)).toBe(false);
        expect(withoutControls(bytes)).toBe(bytes);
      }
    }),
    RUNS,
  );
});

test('what is left has none, and the rest as it was', () => {
  fc.assert(
    fc.property(placed, (bytes) => {
      const left = withoutControls(bytes).toString('latin1');
      expect(left).not.toMatch(/[^\n\t\x20-\x7e\x80-\xff]/);
      expect(left).not.toMatch(/\xc2[\x80-\x9f]/);
      expect(
        left.replaceAll(/\\x[0-9a-f]{2}/g, (hex) =>
          String.fromCharCode(Number.parseInt(hex.slice(2), 16)),
        ),
      ).toBe(
        bytes
          .toString('latin1')
          .replaceAll(/\\x[0-9a-f]{2}/g, (hex) =>
            String.fromCharCode(Number.parseInt(hex.slice(2), 16)),
          ),
      );
    }),
    RUNS,
  );
});
