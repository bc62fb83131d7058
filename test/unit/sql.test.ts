/** SQL over tables without osquery: the SQLite of Node. */
import { EmbeddedSql } from '../../extension/cli/sql.ts';
import type { Table } from '../../extension/sdk/context.ts';
import { LiveAuditError } from '../../native/errors.ts';

const BIG = 1_795_253_781_122_556_516n;

/** A table of three processes that counts how often it is read. */
function people(): Table & { reads: number } {
  return {
    reads: 0,
    spec: {
      name: 'people',
      description: 'People.',
      evented: false,
      examples: [],
      columns: [
        { name: 'id', type: 'BIGINT', description: 'Id.' },
        { name: 'name', type: 'TEXT', description: 'Name.' },
        { name: 'ratio', type: 'DOUBLE', description: 'Ratio.' },
        { name: 'order', type: 'INTEGER', description: 'A word of SQL.' },
      ],
    },
    *generate() {
      this.reads++;
      yield [BIG, 'ann', 0.5, 1];
      yield [2, "b'ob", null, null];
      yield [3, null, 2, 3];
    },
  };
}

let table: ReturnType<typeof people>;
let db: EmbeddedSql;
beforeEach(() => {
  table = people();
  const other: Table = {
    spec: {
      name: 'ages',
      description: 'Ages.',
      evented: false,
      examples: [],
      columns: [
        { name: 'id', type: 'BIGINT', description: 'Id.' },
        { name: 'age', type: 'INTEGER', description: 'Age.' },
      ],
    },
    generate: () => [
      [2, 20],
      [3, 30],
    ],
  };
  db = new EmbeddedSql([table, other]);
});
afterEach(() => db.close());

const rows = (sql: string) => db.run(sql).rows;

test('rows as the table gives them: types, NULL, all digits', () => {
  const result = db.run('SELECT * FROM people');
  expect(result.columns).toEqual(['id', 'name', 'ratio', 'order']);
  expect(result.rows).toEqual([
    [BIG, 'ann', 0.5, 1n],
    [2n, "b'ob", null, null],
    [3n, null, 2, 3n],
  ]);
});

test.each([
  ['quoted', 'SELECT id FROM "people" WHERE name = \'ann\''],
  ['in other letters', "SELECT ID FROM PEOPLE WHERE Name = 'ann'"],
  ['quoted, in other letters', 'SELECT id FROM [People] WHERE "order" = 1'],
  ['with its schema', "SELECT id FROM main.people WHERE name = 'ann'"],
  ['in a CTE', "WITH p AS (SELECT * FROM people) SELECT id FROM p WHERE name = 'ann'"],
  ['in a subquery', "SELECT (SELECT id FROM people WHERE name = 'ann')"],
  ['behind comments', "/* a; b */ -- c;\nSELECT id FROM people -- d\nWHERE name = 'ann' -- e;"],
])('a table name %s', (_, sql) => {
  expect(rows(sql)).toEqual([[BIG]]);
});

test('a join of two tables, each read once', () => {
  expect(rows('SELECT name, age FROM people JOIN ages USING (id) ORDER BY id')).toEqual([
    ["b'ob", 20n],
    [null, 30n],
  ]);
  rows('SELECT count(*) FROM people');
  expect(table.reads).toBe(1);
});

test('a CTE of the name of a table hides it, and it is not read', () => {
  expect(rows('WITH people AS (SELECT 1 AS x) SELECT x FROM people')).toEqual([[1n]]);
  expect(table.reads).toBe(0);
});

test.each([
  ['SELECT 1; SELECT 2', [[2n]]],
  ['SELECT 1;;; ; SELECT 2;', [[2n]]],
  ["SELECT ';'; SELECT 'ü;' -- c; SELECT 3", [['ü;']]],
  ['CREATE TABLE t (a); INSERT INTO t SELECT id FROM ages; SELECT count(*) FROM t', [[2n]]],
  ['SELECT 7; CREATE TABLE t (a);', [[7n]]],
  ['SELECT 7; -- the end', [[7n]]],
])('several statements: %s', (sql, expected) => {
  expect(rows(sql)).toEqual(expected);
});

test.each(['-- nothing', '/* nothing */', ';', ' ; -- x\n'])('nothing but %p: no rows', (sql) => {
  expect(db.run(sql)).toEqual({ columns: [], rows: [] });
});

test('columns of one name get names of their own', () => {
  expect(db.run('SELECT 1 AS pid, 2 AS pid, 3 AS "pid:1", 4 AS pid').columns).toEqual([
    'pid',
    'pid:1',
    'pid:1:1',
    'pid:2',
  ]);
});

test.each([
  ['', /empty/],
  ['  \n', /empty/],
  ['SELEC 1', /syntax error/],
  ['SELECT 1; SELECT nope', /no such column: nope/],
  ['SELECT * FROM nowhere', /no such table: nowhere/],
  ['SELECT * FROM __proto__', /no such table/],
  ["SELECT json_extract('{', '$')", /malformed JSON/],
])('%p is refused by SQLite’s own words', (sql, reason) => {
  expect(() => db.run(sql)).toThrow(LiveAuditError);
  expect(() => db.run(sql)).toThrow(reason);
});
