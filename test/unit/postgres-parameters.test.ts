/** Bind messages to JSON: what the live tests cannot get a client to send. */
import { decodeBinary } from '../../tables/postgres_queries/binary-values.ts';
import { bindValues, parseBind } from '../../tables/postgres_queries/parameters.ts';
import { bindMessage } from '../fixtures/postgres/records.ts';

const hex = (text: string): Buffer => Buffer.from(text.replace(/\s/g, ''), 'hex');

test('texts, NULL, binary values of a known type, of another, and of a wrong length', () => {
  const message = bindMessage(['a"b', null, hex('00000007'), hex('0102'), hex('07')]);
  expect(JSON.parse(bindValues(message, [25, 25, 23, 600, 23], 1000) ?? '')).toEqual([
    'a"b',
    null,
    '7',
    { oid: 600, hex: '0102' },
    { oid: 23, hex: '07' },
  ]);
});

test('a value that has no room is told by its length, and the next ones are there if they have', () => {
  const message = bindMessage(['x'.repeat(50), 'y', '\x01'.repeat(20)]);
  expect(bindValues(message, [25, 25, 25], 40)).toBe('[{"length":50},"y",{"length":20}]');
});

test('types that are not known', () => {
  expect(bindValues(bindMessage([hex('ff'), 'text']), [], 100)).toBe(
    '[{"oid":0,"hex":"ff"},"text"]',
  );
});

test('one format for all values, and none', () => {
  const one = hex('0000 0001 0001 0002 00000004 00000001 00000004 00000002 0000');
  expect(bindValues(one, [23, 23], 100)).toBe('["1","2"]');
  const none = hex('0000 0000 0001 00000001 41 0000');
  expect(bindValues(none, [25], 100)).toBe('["A"]');
});

test('messages that contradict themselves', () => {
  const whole = bindMessage(['abc', null, hex('00000001')]);
  for (let end = 0; end < whole.length - 2; end++)
    expect(parseBind(whole.subarray(0, end))).toBeNull();
  expect(parseBind(hex('0000 0000 0001 fffffffe'))).toBeNull();
  expect(parseBind(hex('0000 0000 0001 7fffffff 41'))).toBeNull();
});

test.each([
  [16, '01', 't'],
  [701, '8000000000000000', '-0'],
  [701, '3ff0000000000000', '1'],
  [701, '430c6bf526340000', '1e+15'],
  [700, '3dcccccd', '0.1'],
  [1082, '7fffffff', 'infinity'],
  [1082, 'fff4dbf8', '0001-12-31 BC'],
  [1114, '8000000000000000', '-infinity'],
  [1186, '00000000000f4240 00000001 fffffff4', '-1 years +1 day 00:00:01'],
  [1266, '0000000000000000 00001c20', '00:00:00-02'],
  [1700, '0000 0000 d000 0000', 'Infinity'],
  [1700, '0001 ffff 4000 0004 0001', '-0.0001'],
  [1560, '00000005 b0', '10110'],
  [829, '08002b010203', '08:00:2b:01:02:03'],
  [1007, '00000000 00000000 00000017', '{}'],
])('%i: %s is %s', (oid, bytes, text) => {
  expect(decodeBinary(hex(bytes), oid)).toBe(text);
});

test('lengths that lie within a value', () => {
  for (const [oid, bytes] of [
    [1007, '00000001 00000000 00000017 7fffffff 00000001'],
    [1007, '7fffffff 00000000 00000017'],
    [1007, '00000002 00000000 00000017 7fffffff 00000001 00000000 00000001'],
    [1700, 'ffff 0000 0000 0000'],
    [1560, '7fffffff 00'],
    [869, '02 20 00 7f 01'],
    [3802, '02 7b7d'],
    [23, '0000'],
  ] as const)
    expect(decodeBinary(hex(bytes), oid)).toBeNull();
});
