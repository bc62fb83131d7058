/** Texts without their values, and which `?` are parameters. */
import { tokens } from '../../tables/mysql_queries/lexer.ts';
import { fingerprint, normalize } from '../../tables/mysql_queries/normalize.ts';
import { parameterCounts, placeholdersIn } from '../../tables/mysql_queries/placeholders.ts';

test.each([
  ['SELECT 1', 'select ?'],
  [
    "select  *\nFROM t -- all\nWHERE a='it''s' AND b=\"x\\\"y\"",
    'select * from t where a = ? and b = ?',
  ],
  ['SELECT c FROM sbtest1 WHERE id=4711', 'select c from sbtest1 where id = ?'],
  ['SELECT c FROM sbtest1 WHERE id=?', 'select c from sbtest1 where id = ?'],
  ['SELECT a FROM t WHERE b IN (1, 2,3 ) /* c */', 'select a from t where b in (...)'],
  ['SELECT a FROM t WHERE b IN (1)', 'select a from t where b in (?)'],
  ['INSERT INTO t (a,b) VALUES (1,NULL)', 'insert into t (a, b) values (...)'],
  ['INSERT INTO t VALUES (1,2),(3,4),(5,-6)', 'insert into t values (...), ...'],
  ['INSERT INTO t VALUES (1),(2);', 'insert into t values (?), ...'],
  [
    'INSERT INTO t VALUES (1, DEFAULT), (2, DEFAULT)',
    'insert into t values (?, default), (?, default)',
  ],
  ['SELECT * FROM t LIMIT 10, 20', 'select * from t limit ...'],
  ["SELECT a - 1, -1, +.5e-3, 0xff, b'01', X'ff', _utf8mb4 'x'", 'select a - ...'],
  ['SELECT `Weird``Name`.x FROM `T`', 'select `Weird``Name`.x from `T`'],
  ['SELECT @a := 5, @@global.x', 'select @a := ?, @@global.x'],
  ["GRANT ALL ON app.* TO 'ann'@'%'", 'grant all on app.* to ? @?'],
  ['SELECT /*!50000 SQL_NO_CACHE */ 1 # rest', 'select sql_no_cache ?'],
  ['SELECT 1 # rest\n+ 2', 'select ? + ?'],
  ['SELECT 5--1', 'select ? - ?'],
  ['WHERE a IS NULL OR b = NULL', 'where a is null or b = ?'],
  ["SELECT 'a' 'b'", 'select ?'],
  ["SELECT 'never ends", 'select ?'],
  ['SELECT 1a, t1.2x', 'select 1a, t1.2x'],
  ['SELECT "ünï", é FROM täble', 'select ?, é from täble'],
])('%j is %j', (text, normalized) => {
  expect(normalize(text)).toBe(normalized);
});

test.each(['', '  ', '/* nothing */', '-- ', ';'])('%j has nothing to normalize', (text) => {
  expect(normalize(text)).toBeNull();
});

test('fingerprints differ where statements do, not where values do', () => {
  const of = (text: string) => fingerprint(normalize(text) ?? '');
  expect(of('select 1 from a')).toBe(of("SELECT  'x' FROM A /* b */"));
  expect(of('select 1 from a')).not.toBe(of('select 1 from b'));
  expect(of('select 1')).toMatch(/^[0-9a-f]{16}$/);
});

test('a ? in a string, a name or a comment is no parameter', () => {
  const text = 'SELECT \'?\', "?", `?`, ? -- ?\n, /* ? */ ? # ?';
  expect(placeholdersIn(text).map((at) => text[at])).toEqual(['?', '?']);
  expect(parameterCounts(text)).toEqual([2]);
});

test('what depends on how the server was set gives more than one count', () => {
  expect(parameterCounts("SELECT 'a\\', ?").sort()).toEqual([0, 1]);
  expect(parameterCounts('SELECT /*!99999 ?, */ ?').sort()).toEqual([1, 2]);
});

test('tokens go on without end or overlap in a long text', () => {
  const text = `SELECT ${'(1,?),'.repeat(20_000)} 1`;
  let last = 0;
  for (const { start, end } of tokens(text)) {
    expect(start >= last && end > start).toBe(true);
    last = end;
  }
  expect(normalize(text)?.length).toBeLessThan(100);
});
