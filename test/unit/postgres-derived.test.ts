/** fingerprint and normalized: of what parses, lazily, and once. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { EmbeddedSql } from '../../extension/cli/sql.ts';
import { Operator } from '../../extension/sdk/context.ts';
import { once } from '../../tables/derived.ts';
import { eventOf } from '../../tables/event.ts';
import { EventTable } from '../../tables/event-table.ts';
import { MAX_LENGTH, StatementParser } from '../../tables/fingerprint/parser.ts';
import { derived } from '../../tables/postgres_queries/derived.ts';
import { spec } from '../../tables/postgres_queries/spec.ts';
import { RingWriter } from '../../tables/ring/writer.ts';

describe('parser', () => {
  const parser = new StatementParser();
  afterAll(() => parser.close());

  test('statements that differ in constants have one fingerprint', () => {
    const [a, b, c] = [
      "SELECT * FROM t WHERE a = 1 AND b = 'x'",
      'select * from t where a=$1 and b=$2',
      'select 1',
    ].map((text) => parser.parse(text));
    expect(a?.fingerprint).toMatch(/^[0-9a-f]{16}$/);
    expect(b?.fingerprint).toBe(a?.fingerprint);
    expect(c?.fingerprint).not.toBe(a?.fingerprint);
    expect(a?.normalized).toBe('SELECT * FROM t WHERE a = $1 AND b = $2');
  });

  test.each(['nonsense', "select 'open", '\u0000', `select '${'x'.repeat(MAX_LENGTH)}'`, 'ERROR'])(
    'no answer for what does not parse: %.20j',
    (text) => {
      expect(parser.parse(text)).toBeNull();
    },
  );

  test('hostile texts do not end it', () => {
    for (const text of [
      `select ${'('.repeat(30_000)}1${')'.repeat(30_000)}`,
      `select ${'1+'.repeat(30_000)}1`,
      `select ${'not '.repeat(16_000)} true`,
      '\ud800',
    ])
      parser.parse(text);
    expect(parser.parse('select 1')?.normalized).toBe('select $1');
  });

  test('it begins anew after it was ended', () => {
    parser.close();
    expect(parser.parse('select \'ü\' as "Ö"')?.normalized).toBe('select $1 as "Ö"');
  });
});

test('what is computed once is not computed again, until it is forgotten', () => {
  let calls = 0;
  const of = once((text) => {
    calls++;
    return text === '' ? null : text;
  });
  expect([of('a'), of(''), of('a'), of('')]).toEqual(['a', null, 'a', null]);
  expect(calls).toBe(2);
  for (let i = 0; i < 5000; i++) of(`${i}`);
  of('a');
  expect(calls).toBe(5003);
});

describe('columns', () => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'la-derived-'));
  afterAll(() => fs.rmSync(directory, { recursive: true }));

  const asked: string[] = [];
  const counting = derived.map((column) => ({
    ...column,
    of: (...values: Parameters<typeof column.of>) => {
      asked.push(column.name);
      return column.of(...values);
    },
  }));
  const table = new EventTable(directory, spec, counting);
  const columns = (...names: string[]) => spec.columns.filter(({ name }) => names.includes(name));

  beforeAll(() => {
    const writer = new RingWriter({ directory, spec, capacity: 1 << 20 });
    const add = (query: string, truncated: number, protocol = 'simple') =>
      writer.append(eventOf(spec, { query, truncated, protocol, pid: 1, time_ns: 1n }));
    add('select 1', 0);
    add('select 2', 0);
    add('select 3 from t', 0);
    add('select 4', 1);
    add('fastpath function call: "lo_open" (OID 952)', 0, 'fastpath');
    writer.close();
  });
  beforeEach(() => asked.splice(0));

  test('nobody computes what is not asked for', () => {
    expect([...table.generate({ columns: columns('query'), constraints: [] })]).toHaveLength(5);
    expect(asked).toEqual([]);
  });

  test('computed where asked for, in the order of the columns', () => {
    const rows = [
      ...table.generate({
        columns: columns('pid', 'query', 'fingerprint', 'protocol'),
        constraints: [],
      }),
    ];
    expect(
      rows.map(([pid, query, fingerprint, protocol]) => [pid, query, typeof fingerprint, protocol]),
    ).toEqual([
      [1, 'select 1', 'string', 'simple'],
      [1, 'select 2', 'string', 'simple'],
      [1, 'select 3 from t', 'string', 'simple'],
      [1, 'select 4', 'object', 'simple'],
      [1, 'fastpath function call: "lo_open" (OID 952)', 'object', 'fastpath'],
    ]);
    expect(rows[0]?.[2]).toBe(rows[1]?.[2]);
  });

  test('a constraint on it is looked at, although no index has it', () => {
    const [first] = table.generate({ columns: columns('fingerprint'), constraints: [] });
    const value = String(first?.[0]);
    const constraints = [{ column: 'fingerprint', op: Operator.EQUALS, value }];
    const rows = [...table.generate({ columns: columns('query', 'fingerprint'), constraints })];
    expect(rows.map(([query]) => query)).toEqual(['select 1', 'select 2']);
  });

  test('the same over `query`', () => {
    const sql = new EmbeddedSql([table]);
    expect(sql.run('SELECT query FROM postgres_queries').rows).toHaveLength(5);
    expect(asked).toEqual([]);
    const { rows } = sql.run(
      'SELECT fingerprint, count(*), min(normalized) FROM postgres_queries GROUP BY 1 ORDER BY 2 DESC, 3',
    );
    expect(rows.map(([fingerprint, n, normalized]) => [typeof fingerprint, n, normalized])).toEqual(
      [
        ['object', 2n, null],
        ['string', 2n, 'select $1'],
        ['string', 1n, 'select $1 from t'],
      ],
    );
    sql.close();
  });
});
