/** How long a kernel ring buffer is left alone. */
import { RingPace } from '../../native/ring-pace.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

test('nothing there: until there is something', () => {
  expect(new RingPace(8 * MIB).after(0)).toBe(0);
});

test('a few events: soon, however long it goes on', () => {
  const pace = new RingPace(8 * MIB);
  for (let i = 0; i < 10; i++) expect(pace.after(500)).toBe(40);
});

test('busy, and far from full: seldom; then little again: soon', () => {
  const pace = new RingPace(8 * MIB);
  expect([...Array(3)].map(() => pace.after(160 * KIB))).toEqual([120, 120, 120]);
  expect(pace.after(100)).toBe(40);
});

test('a stream of any rate settles where a look finds at most an eighth of the ring', () => {
  for (const size of [64 * KIB, 1 * MIB, 8 * MIB])
    for (const perMs of [10, 1_000, 5_000, 35_000, 100_000]) {
      const pace = new RingPace(size);
      let pause = pace.after(1);
      for (let i = 0; i < 5; i++) pause = pace.after(pause * perMs);
      expect(pause).toBeLessThanOrEqual(120);
      const found = (pause - 1) * perMs; // it is rounded
      if (pause > 10 && pause !== 40) expect(found).toBeLessThanOrEqual(size / 8);
    }
});

test('a burst into a full ring is looked at again at once, nearly', () => {
  const pace = new RingPace(8 * MIB);
  expect(pace.after(8 * MIB)).toBe(10);
});
