/** What commands put on a terminal: texts of others, columns that fit, colour where it is wanted. */
import { grid } from '../../extension/cli/terminal/grid.ts';
import { type Screen, screenOf } from '../../extension/cli/terminal/screen.ts';
import {
  cut,
  cutStart,
  displayWidth,
  escapeControls,
  pad,
  wrap,
} from '../../extension/cli/terminal/text.ts';
import {
  bytesText,
  countText,
  durationText,
  spanText,
} from '../../extension/cli/terminal/words.ts';

const plain = (width: number): Screen => ({ width, paint: (_, text) => text });

describe('texts of others', () => {
  test.each([
    ['\x1b[2J', '\\u001b[2J'],
    ['\x9b31m', '\\u009b31m'],
    ['a\nb\tc\r\0', 'a\\nb\\tc\\u000d\\u0000'],
    ['rm \u202e# elbissop', 'rm \\u202e# elbissop'],
    ['\u2066x\u2069\u200e\u200f\u061c', '\\u2066x\\u2069\\u200e\\u200f\\u061c'],
    ['Grüße 日本 😀', 'Grüße 日本 😀'],
  ])('%j is shown as %s', (text, shown) => expect(escapeControls(text)).toBe(shown));

  test.each([
    ['abcdef', 6, 'abcdef'],
    ['abcdef', 5, 'abcd…'],
    ['日本語', 6, '日本語'],
    ['日本語', 5, '日本…'],
    ['日本語', 4, '日…'],
    ['e\u0301e\u0301e\u0301', 3, 'e\u0301e\u0301e\u0301'],
    ['', 3, ''],
  ])('cut: %s to %d', (text, width, expected) => {
    expect(cut(text, width)).toBe(expected);
    expect(displayWidth(cut(text, width))).toBeLessThanOrEqual(width);
  });

  test('of a path the end is kept', () => {
    expect(cutStart('/usr/lib/postgresql/15/bin/postgres', 12)).toBe('…in/postgres');
    expect(cutStart('/bin/bash', 12)).toBe('/bin/bash');
  });

  test('cutting a megabyte does not look at all of it', () => {
    const text = 'x'.repeat(2 ** 20);
    const begin = performance.now();
    for (let i = 0; i < 1000; i++) cut(text, 80);
    expect(performance.now() - begin).toBeLessThan(2000);
  });

  test('pad and wrap', () => {
    expect([pad('日', 4), pad('7', 3, 'right'), pad('long', 2)]).toEqual(['日  ', '  7', 'long']);
    expect(wrap('the quick brown fox', 9)).toEqual(['the quick', 'brown fox']);
    expect(wrap('a verylongword b', 6)).toEqual(['a', 'veryl…', 'b']);
  });
});

describe('numbers', () => {
  test.each([
    [0, '0 bytes'],
    [65_536, '64 KiB'],
    [16_777_216, '16 MiB'],
    [1_600_000, '1.5 MiB'],
  ])('%d bytes', (bytes, text) => expect(bytesText(bytes)).toBe(text));
  test.each([
    [5, '5 s'],
    [-1, '0 s'],
    [119, '1 min'],
    [7200, '2 h'],
    [200_000, '2 d'],
  ])('%d s', (seconds, text) => expect(spanText(seconds)).toBe(text));
  test.each([
    [0, '0 ns'],
    [999, '999 ns'],
    [1500, '1.50 µs'],
    [1_234_567, '1.23 ms'],
    [12_345_678_901, '12.3 s'],
    [300e9, '5 min'],
  ])('%d ns', (ns, text) => expect(durationText(ns)).toBe(text));
  test('counts', () => expect(countText(1_234_567)).toBe('1,234,567'));
});

describe('columns', () => {
  const columns = [
    { title: 'path', cut: 'start' },
    { title: 'n', align: 'right' },
    { title: 'spare', spare: 1 },
  ] as const;
  const row = [{ text: '/usr/lib/postgresql/15/bin/postgres' }, { text: '5' }, { text: 'x' }];

  test('as wide as what they hold', () => {
    expect(grid(plain(Infinity), columns, [row])).toEqual([
      'path                                 n  spare',
      '/usr/lib/postgresql/15/bin/postgres  5  x',
    ]);
  });

  test('cut, then left out, where the screen is narrow', () => {
    expect(grid(plain(30), columns, [row])).toEqual([
      'path                  n  spare',
      '…sql/15/bin/postgres  5  x',
    ]);
    expect(grid(plain(16), columns, [row])).toEqual(['path           n', '…bin/postgres  5']);
    for (let width = 15; width < 60; width++)
      for (const line of grid(plain(width), columns, [row]))
        expect(displayWidth(line)).toBeLessThanOrEqual(width);
  });
});

describe('colour', () => {
  const RED = '\x1b[31mx\x1b[39m';
  test.each([
    [{ isTTY: true, columns: 100 }, {}, RED, 100],
    [{ isTTY: true, columns: 100 }, { NO_COLOR: '1' }, 'x', 100],
    [{ isTTY: true, columns: 100 }, { NO_COLOR: '' }, RED, 100],
    [{ isTTY: true, columns: 0 }, { TERM: 'dumb' }, 'x', 80],
    [{ isTTY: true, columns: 3 }, {}, RED, 20],
    [{ isTTY: false, columns: 100 }, {}, 'x', Infinity],
    [{}, { FORCE_COLOR: '1' }, 'x', Infinity],
  ])('%j %j', (output, env, text, width) => {
    const screen = screenOf(output, env);
    expect([screen.paint('red', 'x'), screen.width]).toEqual([text, width]);
  });
});
