/** Columns that are computed when they are asked for. */
import { derived } from '../../tables/mysql_queries/derived.ts';
import { fingerprint } from '../../tables/mysql_queries/normalize.ts';
import { spec } from '../../tables/mysql_queries/spec.ts';

const of = (name: string, ...values: readonly (string | number | null)[]) =>
  derived.find((column) => column.name === name)?.of(...values);

test('each is a column of the table, and so is what it is computed from', () => {
  const columns = new Set<string>(spec.columns.map(({ name }) => name));
  for (const { name, from } of derived)
    expect([name, ...from].filter((column) => !columns.has(column))).toEqual([]);
});

test('of SQL, prepared or not, and of nothing else', () => {
  const select = 'select a from t where b = ?';
  expect(of('normalized', 'SELECT a FROM t WHERE b = 5', 0, 'COM_QUERY')).toBe(select);
  expect(of('normalized', 'SELECT a FROM t WHERE b=?', 0, 'COM_STMT_EXECUTE')).toBe(select);
  expect(of('fingerprint', 'SELECT a FROM t WHERE b=?', 0, 'COM_STMT_EXECUTE')).toBe(
    fingerprint(select),
  );
  for (const name of ['normalized', 'fingerprint']) {
    expect(of(name, 'app', 0, 'COM_INIT_DB')).toBeNull();
    expect(of(name, 'SELECT a FROM t WHERE b = ', 1, 'COM_QUERY')).toBeNull();
    expect(of(name, null, 0, 'COM_STMT_EXECUTE')).toBeNull();
    expect(of(name, '-- ', 0, 'COM_QUERY')).toBeNull();
  }
});

test('the statement', () => {
  expect(of('statement', 'SELECT ?', 0, '["a"]')).toBe("SELECT 'a'");
  expect(of('statement', 'SELECT ?', 1, '["a"]')).toBeNull();
  expect(of('statement', 'SELECT ?', 0, null)).toBeNull();
});
