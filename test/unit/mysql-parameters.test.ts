/** Executions in bytes, as drivers send them, to JSON; and what lies on the wire. */
import { FieldType } from '../../tables/mysql_queries/binary-values.ts';
import { type Binding, decodeBulk, decodeExecute } from '../../tables/mysql_queries/parameters.ts';
import { Command } from '../../tables/mysql_queries/records.ts';
import { statementOf } from '../../tables/mysql_queries/statement.ts';
import { Client, rowsOf } from '../fixtures/mysql/records.ts';

interface Parameter {
  readonly type: number;
  readonly unsigned?: boolean;
  /** In hex; null: NULL; undefined: it was sent ahead. */
  readonly value: string | null | undefined;
}

const bytes = (hex: string): Buffer => Buffer.from(hex.replace(/\s/g, ''), 'hex');
const typesOf = (parameters: readonly Parameter[]): Buffer =>
  Buffer.from(parameters.flatMap(({ type, unsigned }) => [type, unsigned ? 0x80 : 0]));

function packet(parameters: readonly Parameter[], sendsTypes = true, id = 1): Buffer {
  const head = Buffer.alloc(9);
  head.writeUInt32LE(id, 0);
  head.writeUInt32LE(1, 5);
  const bitmap = Buffer.alloc(Math.ceil(parameters.length / 8));
  for (const [i, { value }] of parameters.entries())
    if (value === null) bitmap[i >> 3] = (bitmap[i >> 3] ?? 0) | (1 << (i & 7));
  return Buffer.concat([
    ...[head, bitmap, Buffer.from([sendsTypes ? 1 : 0])],
    ...(sendsTypes ? [typesOf(parameters)] : []),
    ...parameters.map(({ value }) => bytes(value ?? '')),
  ]);
}

const binding = (count: number, more: Partial<Binding> = {}): Binding => ({
  ...{ counts: [count], types: null, longData: null, maxBytes: 4096 },
  ...more,
});

const one = (type: number, value: string, unsigned = false): unknown => {
  const decoded = decodeExecute(packet([{ type, value, unsigned }]), binding(1));
  return decoded && JSON.parse(decoded.json)[0];
};

const { TINY, SHORT, LONG, LONGLONG, FLOAT, DOUBLE, DATE, DATETIME, TIMESTAMP, TIME } = FieldType;
const { NEWDECIMAL, VAR_STRING, STRING, BLOB, BIT, JSON: JSON_TYPE, GEOMETRY, YEAR } = FieldType;

test.each([
  ['a tiny', TINY, 'ff', -1],
  ['a short', SHORT, '0080', -32768],
  ['a long', LONG, 'ffffff7f', 2147483647],
  ['a float', FLOAT, 'cdcccc3d', 0.1],
  ['a double', DOUBLE, '9a9999999999b93f', 0.1],
  ['a double that is infinite', DOUBLE, '000000000000f07f', 'Infinity'],
  ['a decimal', NEWDECIMAL, '05 31322e3530', '12.50'],
  ['a text', VAR_STRING, '04 c3a92722', 'é\'"'],
  ['a text that is no UTF-8', STRING, '02 ff61', { hex: 'ff61' }],
  ['a blob', BLOB, '03 000102', '\0\x01\x02'],
  ['bits', BIT, '02 0105', { hex: '0105' }],
  ['geometry', GEOMETRY, '01 31', { hex: '31' }],
  ['JSON', JSON_TYPE, '02 7b7d', '{}'],
  ['a date', DATE, '04 ea070b15', '2026-11-21'],
  ['no date', DATE, '00', '0000-00-00'],
  ['a date and time', DATETIME, '07 ea070b15 0c2238', '2026-11-21 12:34:56'],
  ['with µs', TIMESTAMP, '0b ea070b15 0c2238 40e20100', '2026-11-21 12:34:56.123456'],
  ['midnight', DATETIME, '04 ea070b15', '2026-11-21 00:00:00'],
  ['a time', TIME, '08 01 22000000 16 3b 3b', '-838:59:59'],
  ['a time with µs', TIME, '0c 00 00000000 01 02 03 01000000', '01:02:03.000001'],
  ['no time', TIME, '00', '00:00:00'],
  ['a year', YEAR, 'ea07', 2026],
  ['a year as a text', YEAR, '04 32303236', '2026'],
  ['a type that nobody knows', 200, '01 61', 'a'],
])('%s', (_, type, value, expected) => {
  expect(one(type, value)).toEqual(expected);
});

test('unsigned, and digits that JSON keeps', () => {
  expect([one(TINY, 'ff', true), one(SHORT, 'ffff', true)]).toEqual([255, 65535]);
  const most = packet([{ type: LONGLONG, unsigned: true, value: 'ffffffffffffffff' }]);
  expect(decodeExecute(most, binding(1))?.json).toBe('[18446744073709551615]');
});

test('lengths of each size', () => {
  const lengths = [250, 251, 65_535, 65_536, 70_000];
  for (const length of lengths) {
    const text = 'x'.repeat(length);
    const head =
      length < 251
        ? Buffer.from([length])
        : length < 65_536
          ? Buffer.from([0xfc, length & 255, length >> 8])
          : Buffer.from([0xfd, length & 255, (length >> 8) & 255, length >> 16]);
    const value = Buffer.concat([head, Buffer.from(text)]).toString('hex');
    const decoded = decodeExecute(
      packet([{ type: STRING, value }]),
      binding(1, { maxBytes: 100_000 }),
    );
    expect(JSON.parse(decoded?.json ?? '')).toEqual([text]);
  }
});

const NINE: readonly Parameter[] = Array.from({ length: 9 }, (_, i) => ({
  type: LONG,
  value: i % 2 === 0 ? null : `0${i}000000`,
}));

test('NULL, and types that were sent once', () => {
  const first = decodeExecute(packet(NINE), binding(9));
  expect(first?.json).toBe('[null,1,null,3,null,5,null,7,null]');
  const again = packet(NINE, false);
  expect(decodeExecute(again, binding(9))).toBeNull(); // sent before the capture began
  expect(decodeExecute(again, binding(9, { types: first?.types ?? null }))?.json).toBe(first?.json);
  expect(decodeExecute(again, binding(9, { types: Buffer.alloc(4) }))).toBeNull();
});

test('what was sent ahead is not in the packet', () => {
  const sent = packet([
    { type: BLOB, value: undefined },
    { type: LONG, value: '05000000' },
  ]);
  const longData = new Map([
    [0, { pieces: [Buffer.from('ab'), Buffer.from('c')], length: 3, kept: 3 }],
  ]);
  expect(decodeExecute(sent, binding(2, { longData }))?.json).toBe('["abc",5]');
  const large = new Map([[0, { pieces: [], length: 1e6, kept: 0 }]]);
  expect(decodeExecute(sent, binding(2, { longData: large }))?.json).toBe('[{"length":1000000},5]');
  expect(decodeExecute(sent, binding(2))).toBeNull();
});

test('the count that fits the packet is the one', () => {
  const sent = packet([{ type: LONG, value: '05000000' }]);
  expect(decodeExecute(sent, binding(0, { counts: [2, 1] }))?.json).toBe('[5]');
  expect(decodeExecute(sent, binding(0, { counts: [2, 3] }))).toBeNull();
});

test('values without room', () => {
  const text = { type: STRING, value: `0a${'61'.repeat(10)}` };
  const decoded = decodeExecute(packet([text, text, text]), binding(3, { maxBytes: 20 }));
  expect(decoded?.json).toBe('["aaaaaaaaaa",{"length":10},{"length":10}]');
});

test('packets that lie make no sense, and nothing worse', () => {
  const whole = packet([
    { type: STRING, value: '03616263' },
    { type: DOUBLE, value: '9a9999999999b93f' },
  ]);
  for (let length = 0; length < whole.length; length++)
    expect(decodeExecute(whole.subarray(0, length), binding(2))).toBeNull();
  expect(decodeExecute(Buffer.concat([whole, Buffer.alloc(1)]), binding(2))).toBeNull();
  expect(one(STRING, 'fe ffffffffffffffff 61')).toBeNull();
  expect(one(STRING, 'fb')).toBeNull();
  expect(one(DATE, '05 0102030405')).toBeNull();
  expect(one(TIME, '01 00')).toBeNull();
});

describe('bulk executions', () => {
  const head = Buffer.from([1, 0, 0, 0, 128, 0, LONG, 0, STRING, 0]);
  const rows = '00 05000000 00 0161  01 00 0162  02 03';

  test('an array for each row', () => {
    const sent = Buffer.concat([head, bytes(rows)]);
    expect(decodeBulk(sent, binding(2))?.json).toBe(
      '[[5,"a"],[null,"b"],[{"default":true},{"ignore":true}]]',
    );
    expect(decodeBulk(sent.subarray(0, -1), binding(2))).toBeNull();
    expect(decodeBulk(sent, binding(0))).toBeNull();
  });

  test('rows without room are counted', () => {
    const sent = Buffer.concat([head, bytes('00 05000000 00 0161'.repeat(1000))]);
    expect(decodeBulk(sent, binding(2, { maxBytes: 20 }))?.json).toBe(
      '[[5,"a"],[5,"a"],[{"length":4},{"length":1}],{"rows":997}]',
    );
  });
});

describe('from records', () => {
  const settings = { parameterBytes: 4096 };
  const five = { type: LONG, value: '05000000' };
  const parametersOf = (client: Client) => rowsOf(client, settings).map((row) => row.parameters);

  test('each execution has its own; types are those of its statement', () => {
    const client = new Client().prepare('SELECT ?', 1).prepare('SELECT ?', 2);
    client.execute(10, packet([five])).execute(11, packet([five], false));
    client.execute(12, packet([five], false, 2)).execute(13, packet([five], true, 3));
    expect(parametersOf(client)).toEqual([null, null, '[5]', '[5]', null, null]);
  });

  test('a packet that was lost', () => {
    const client = new Client().prepare('SELECT ?', 1).query(packet([five]).subarray(0, 4), {
      ...{ command: Command.STMT_EXECUTE, packet: 9 },
    });
    expect(parametersOf(client)).toEqual([null, null]);
  });

  const ahead = (parameter: number, text: string, id = 1): Buffer => {
    const bytes = Buffer.alloc(6);
    bytes.writeUInt32LE(id, 0);
    bytes.writeUInt16LE(parameter, 4);
    return Buffer.concat([bytes, Buffer.from(text)]);
  };
  const blob = { type: BLOB, value: undefined };

  test('pieces that are sent ahead are for one execution', () => {
    const client = new Client().prepare('SELECT ?', 1);
    client.longData(5, ahead(0, 'one ')).longData(6, ahead(0, 'two')).longData(7, ahead(3, 'no'));
    client.execute(8, packet([blob])).execute(9, packet([{ type: STRING, value: '0178' }]));
    expect(parametersOf(client)).toEqual([null, '["one two"]', '["x"]']);
  });

  test('a piece that was lost', () => {
    const client = new Client().prepare('SELECT ?', 1).longData(5, ahead(0, 'one'));
    client.longData(6, ahead(0, 'two'), true).execute(8, packet([blob]));
    expect(parametersOf(client)).toEqual([null, null]);
  });

  test('COM_STMT_RESET forgets them', () => {
    const client = new Client().prepare('SELECT ?', 1).longData(5, ahead(0, 'one'));
    client.about(1, Command.STMT_RESET).execute(8, packet([{ type: STRING, value: '0178' }]));
    expect(parametersOf(client)).toEqual([null, null, '["x"]']);
  });
});

describe('the statement with its values', () => {
  test.each([
    ['SELECT ?, ?', '[1,"it\'s"]', "SELECT 1, 'it\\'s'"],
    ["SELECT '?', ? /* ? */", '[18446744073709551615]', "SELECT '?', 18446744073709551615 /* ? */"],
    ['SELECT ?, ?', '[null,{"hex":"00ff"}]', "SELECT NULL, X'00ff'"],
    ['SELECT ?', '[{"length":5000}]', 'SELECT ?'],
    ['SELECT ?', '[[1],[2]]', null],
    ['SELECT ?', '[1,2]', null],
    ['SELECT 1', '[]', 'SELECT 1'],
    ['SELECT ?', '[1.5e300]', 'SELECT 1.5e300'],
    ['SELECT ?', 'no JSON', null],
  ])('%s with %s', (query, parameters, statement) => {
    expect(statementOf(query, parameters)).toBe(statement);
  });
});
