import { decodeContext } from '../../extension/sdk/context-decoder.ts';
import type { TableSpec } from '../../extension/sdk/spec.ts';

const spec: TableSpec = {
  name: 't',
  description: '',
  evented: true,
  examples: [],
  columns: ['eid', 'pid', 'text'].map((name) => ({ name, type: 'BIGINT', description: '' })),
};

const decode = (context: unknown) => decodeContext(JSON.stringify(context), spec);
const names = (context: unknown) => decode(context).columns.map(({ name }) => name);

test('without a context everything is asked', () => {
  for (const missing of [undefined, '']) {
    expect(decodeContext(missing, spec)).toEqual({ columns: spec.columns, constraints: [] });
  }
  expect(decode({})).toEqual({ columns: spec.columns, constraints: [] });
});

test('columns come in the order of the table, unknown ones are ignored', () => {
  expect(names({ colsUsed: ['text', 'an_alias', 'eid'] })).toEqual(['eid', 'text']);
  expect(names({ colsUsed: [] })).toEqual([]);
});

test('operators and columns that we do not know are ignored', () => {
  const constraints = [
    {
      name: 'eid',
      affinity: 'BIGINT',
      list: [2, 65, 73, 74, 150, 4].map((op) => ({ op, expr: '1' })),
    },
    { name: 'an_alias', affinity: 'UNKNOWN', list: [{ op: 2, expr: '1' }] },
    { name: 'pid', affinity: 'BIGINT', list: '' },
    { name: 'text', affinity: 'TEXT' },
  ];
  expect(decode({ constraints }).constraints).toEqual([
    { column: 'eid', op: 2, value: '1' },
    { column: 'eid', op: 4, value: '1' },
  ]);
});

test('nothing is pushed to a table whose rows have no id', () => {
  const constraints = [{ name: 'pid', list: [{ op: 2, expr: '1' }] }];
  const decoded = decodeContext(JSON.stringify({ constraints }), { ...spec, evented: false });
  expect(decoded.constraints).toEqual([]);
});

test.each<[string, unknown]>([
  ['a list', []],
  ['null', null],
  ['a number', 1],
  ['constraints that are no list', { constraints: {} }],
  ['a constraint that is no object', { constraints: [1] }],
  ['a constraint without a name', { constraints: [{ list: [] }] }],
  ['a list that is an object', { constraints: [{ name: 'eid', list: {} }] }],
  ['an operator that is text', { constraints: [{ name: 'eid', list: [{ op: '2', expr: '1' }] }] }],
  ['a value that is a number', { constraints: [{ name: 'eid', list: [{ op: 2, expr: 1 }] }] }],
  ['colsUsed that is text', { colsUsed: 'eid' }],
  ['a used column that is a number', { colsUsed: [1] }],
  ['too many columns', { colsUsed: Array(10_000).fill('eid') }],
])('%s is refused in one line', (_name, context) => {
  expect(() => decode(context)).toThrow(expect.objectContaining({ code: 'QUERY_CONTEXT' }));
});

test('what is not JSON, and what is too large, is refused', () => {
  const nested = '['.repeat(8 * 1024 * 1024);
  for (const text of ['{', 'x', `"${'x'.repeat(17 * 1024 * 1024)}"`, nested]) {
    expect(() => decodeContext(text, spec)).toThrow(
      expect.objectContaining({ code: 'QUERY_CONTEXT' }),
    );
  }
});
