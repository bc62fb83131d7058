import { registryItems, routes } from '../../extension/sdk/routes.ts';
import { checkSocketPath } from '../../extension/sdk/socket-path.ts';
import type { ColumnSpec, TableSpec } from '../../extension/sdk/spec.ts';

const column = (name: string, more: Partial<ColumnSpec> = {}): ColumnSpec => ({
  name,
  type: 'BIGINT',
  description: '',
  ...more,
});

const table = (columns: ColumnSpec[], more: Partial<TableSpec> = {}): TableSpec => ({
  name: 't',
  description: '',
  evented: true,
  examples: [],
  columns,
  ...more,
});

/** osquery: ADDITIONAL 4, OPTIMIZED 8, HIDDEN 16. */
test('option bits say what is pushed', () => {
  const columns = [
    column('eid', { push: 'range' }),
    column('pid', { push: 'equal' }),
    column('hidden_range', { push: 'range', hidden: true }),
    column('hidden_equal', { push: 'equal', hidden: true }),
    column('plain'),
    column('hidden', { hidden: true }),
  ];
  expect(routes(table(columns)).map(({ op }) => op)).toEqual(['4', '12', '20', '28', '8', '24']);
  expect(routes(table(columns))[0]).toEqual({ id: 'column', name: 'eid', type: 'BIGINT', op: '4' });
});

test('no column is pushed where rows have no id', () => {
  const columns = [column('name', { push: 'equal' }), column('n', { push: 'range' })];
  const ops = (spec: TableSpec) => routes(spec).map(({ op }) => op);
  expect(ops(table(columns, { evented: false }))).toEqual(['8', '8']);
  expect(ops(table(columns, { evented: false, rowId: 'n' }))).toEqual(['12', '4']);
});

test.each<[string, TableSpec]>([
  ['no columns', table([])],
  ['a hyphen in a column', table([column('a-b')])],
  ['a hyphen in the table', table([column('a')], { name: 'a-b' })],
  ['names that differ in case only', table([column('pid'), column('PID')])],
  ['the same column twice', table([column('pid'), column('pid')])],
  ['SQL in a name', table([column('a) --')])],
  ['a type that osquery does not have', table([column('a', { type: 'DATE' as 'TEXT' })])],
])('%s is refused before osquery refuses all', (_name, spec) => {
  expect(() => routes(spec)).toThrow(expect.objectContaining({ code: 'TABLE_SPEC' }));
});

test('two tables of one name are refused', () => {
  const specs = [table([column('a')]), table([column('a')], { name: 'T' })];
  expect(() => registryItems(specs)).toThrow(expect.objectContaining({ code: 'TABLE_SPEC' }));
});

test('a socket path of 97 bytes is taken, one of 98 is wrong use', () => {
  expect(() => checkSocketPath('x'.repeat(97))).not.toThrow();
  for (const path of ['x'.repeat(98), 'é'.repeat(49), '', 'a\0b']) {
    expect(() => checkSocketPath(path)).toThrow(
      expect.objectContaining({ code: 'SOCKET_PATH', exitCode: 2 }),
    );
  }
});
