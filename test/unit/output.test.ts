/** The formats of `query`. */
import { FORMATS, jsonRow } from '../../extension/cli/output.ts';

const BIG = 1_795_253_781_122_556_516n;
const result = (
  columns: readonly string[],
  ...rows: readonly (string | number | bigint | null | Uint8Array)[][]
) => ({
  columns,
  rows,
});

describe('json', () => {
  test('integers keep all their digits, as numbers', () => {
    const text = FORMATS.json(result(['t', 'n', 'min'], [BIG, 5, -(2n ** 63n)]));
    expect(text).toContain(`"t":${BIG},"n":5,"min":-9223372036854775808}`);
  });

  test('one array of objects: texts escaped, NULL null, blobs in hex', () => {
    const text = FORMATS.json(
      result(['a', 'b"'], ['x"\n\u2028ü', null], [Buffer.from([0, 255]), 1.5]),
    );
    expect(JSON.parse(text)).toEqual([
      { a: 'x"\n\u2028ü', 'b"': null },
      { a: '00ff', 'b"': 1.5 },
    ]);
  });

  test('no rows are an empty array', () => {
    expect(JSON.parse(FORMATS.json(result(['a'])))).toEqual([]);
  });

  test('a row alone is one line', () => {
    expect(jsonRow(['a', 'b'], ['x\ny', BIG])).toBe(`{"a":"x\\ny","b":${BIG}}`);
  });
});

describe('csv, by RFC 4180', () => {
  test.each([
    ['plain', 'plain'],
    ['a,b', '"a,b"'],
    ['say "hi"', '"say ""hi"""'],
    ['two\nlines', '"two\nlines"'],
    ['a\rb', '"a\rb"'],
    [' spaces ', ' spaces '],
    [null, ''],
    [BIG, String(BIG)],
    [Buffer.from('ü'), 'c3bc'],
  ])('a field: %p', (value, field) => {
    expect(FORMATS.csv(result(['c'], [value]))).toBe(`c\r\n${field}\r\n`);
  });

  test('a header, then a line for each row, each ended by CR LF', () => {
    expect(FORMATS.csv(result(['a', 'b,'], [1, 2], [3, 4]))).toBe('a,"b,"\r\n1,2\r\n3,4\r\n');
    expect(FORMATS.csv(result(['a']))).toBe('a\r\n');
  });
});

/** What could drive a terminal, or put a line where none is. */
const DANGEROUS = '\x1b[31m\x07\r\u009b2J\u202eabc\u2066\u2028';
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not come out
const CONTROL = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;

describe('table', () => {
  const lines = (text: string): string[] => text.trimEnd().split('\n');

  test('columns as wide as their widest cell', () => {
    expect(lines(FORMATS.table(result(['id', 'name'], [1, 'ab'], [1234, null])))).toEqual([
      '+------+------+',
      '| id   | name |',
      '+------+------+',
      '| 1    | ab   |',
      '| 1234 |      |',
      '+------+------+',
    ]);
  });

  test('no rows: the header alone', () => {
    expect(lines(FORMATS.table(result(['a'])))).toEqual(['+---+', '| a |', '+---+']);
  });

  test.each([
    ['日本語', 6],
    ['한글', 4],
    ['ｆｕｌｌ', 8],
    ['𠀀', 2],
    ['😀', 2],
    ['e\u0301', 1],
    ['Grüße', 5],
  ])('%s takes %d columns of a terminal', (text, width) => {
    const [rule] = lines(FORMATS.table(result(['x'], [text])));
    expect(rule).toBe(`+${'-'.repeat(width + 2)}+`);
  });

  test('control characters are shown, not sent; newlines do not break a row', () => {
    const text = FORMATS.table(result(['c'], [`${DANGEROUS}\n\tx`]));
    expect(text).not.toMatch(CONTROL);
    expect(lines(text)).toHaveLength(5);
    expect(text).toContain('\\u001b[31m\\u0007\\u000d\\u009b2J\\u202eabc\\u2066\\u2028\\n\\tx');
  });

  test('a quarter of a million rows', () => {
    const rows = Array.from({ length: 250_000 }, (_, i) => [i]);
    expect(lines(FORMATS.table({ columns: ['n'], rows }))).toHaveLength(250_004);
  });
});

describe('line', () => {
  test('a block for each row, names aligned', () => {
    expect(FORMATS.line(result(['a', 'long'], [1, 'x'], [null, BIG]))).toBe(
      `   a = 1\nlong = x\n\n   a = \nlong = ${BIG}\n`,
    );
    expect(FORMATS.line(result(['a']))).toBe('');
  });

  test('control characters are shown, not sent', () => {
    expect(FORMATS.line(result(['c'], [DANGEROUS]))).not.toMatch(CONTROL);
  });
});
