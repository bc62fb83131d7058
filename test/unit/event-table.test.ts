import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { Operator, type QueryContext, type Row } from '../../extension/sdk/context.ts';
import { defineTable, type Value } from '../../extension/sdk/spec.ts';
import { EventTable } from '../../tables/event-table.ts';
import { RingWriter } from '../../tables/ring/writer.ts';

const spec = defineTable({
  name: 'events',
  description: '',
  evented: true,
  examples: [],
  columns: [
    { name: 'eid', type: 'BIGINT', description: '', push: 'range' },
    { name: 'time', type: 'BIGINT', description: '', push: 'range' },
    { name: 'time_ns', type: 'BIGINT', description: '', push: 'range' },
    { name: 'pid', type: 'BIGINT', description: '', push: 'equal' },
    { name: 'shell', type: 'TEXT', description: '', push: 'equal' },
    { name: 'command', type: 'TEXT', description: '' },
  ],
});
const NS = 1_000_000_000n;

let directory: string;
let writer: RingWriter;
let table: EventTable;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'event-table-'));
  writer = new RingWriter({ directory, spec, capacity: 2 ** 21 });
  table = new EventTable(directory, spec);
});

afterEach(() => {
  table.close();
  writer.close();
  rmSync(directory, { recursive: true });
});

/** Values that differ, differ in case, are NULL, negative or beyond 2^53. */
const PIDS: readonly Value[] = [1, 2, -7, 2n ** 62n, null];
const SHELLS: readonly Value[] = ['bash', 'Bash', 'zsh ', 'zsh', 'é', '', null];

let written = 0;
function append(count: number, rare = false): void {
  for (let i = 0; i < count; i++) {
    const time = written++;
    const common = rare && i % 512 !== 0;
    writer.append([
      null,
      time,
      BigInt(time) * NS,
      common ? 99 : (PIDS[(time >>> 9) % PIDS.length] ?? null),
      common ? 'sh' : (SHELLS[(time >>> 9) % SHELLS.length] ?? null),
      `command ${time}`,
    ]);
  }
}

const context = (
  names: readonly string[],
  ...constraints: readonly [string, Operator, string][]
): QueryContext => ({
  columns: table.spec.columns.filter(({ name }) => names.includes(name)),
  constraints: constraints.map(([column, op, value]) => ({ column, op, value })),
});

const ALL = ['time', 'pid', 'shell', 'command'];

/** What the two ways of asking give. */
function rows(asked: QueryContext): Row[] {
  const generated = [...table.generate(asked)];
  const encoded: Value[][] = [];
  for (const row of table.encodable(asked)) {
    const cells: Value[] = [];
    row.encode({
      value: (value) => cells.push(value),
      integer: (high, low) => {
        const value = (BigInt(high) << 32n) | BigInt(low);
        cells.push(Number.isSafeInteger(Number(value)) ? Number(value) : value);
      },
      utf8: (bytes, start, end) =>
        cells.push(Buffer.from(bytes.subarray(start, end)).toString('utf8')),
    });
    encoded.push(cells);
  }
  expect(encoded).toEqual(generated);
  return generated;
}

test('an index gives what reading all gives, while the ring grows and goes round', () => {
  const fold = (text: string) => text.toLowerCase().replace(/ +$/, '');
  const step = fc.record({
    add: fc.nat({ max: 9000 }),
    pid: fc.option(fc.constantFrom('1', '2', '-7', String(2n ** 62n), '3', '1.0')),
    shell: fc.option(fc.constantFrom('bash', 'zsh', 'é', 'nothing')),
    from: fc.option(fc.nat({ max: 30_000 })),
  });
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 6 }), (steps) => {
      for (const { add, pid, shell, from } of steps) {
        append(add, true);
        const kept = [...table.generate(context(ALL))];
        const least = from === null ? undefined : written - from;
        const expected = kept.filter(
          ([time, itsPid, itsShell]) =>
            (least === undefined || Number(time) >= least) &&
            (pid === null || (itsPid !== null && Number(itsPid) === Number(pid))) &&
            (shell === null || (typeof itsShell === 'string' && fold(itsShell) === fold(shell))),
        );
        const constraints: [string, Operator, string][] = [];
        if (pid !== null) constraints.push(['pid', Operator.EQUALS, pid]);
        if (shell !== null) constraints.push(['shell', Operator.EQUALS, shell]);
        if (least !== undefined)
          constraints.push(['time', Operator.GREATER_OR_EQUAL, String(least)]);
        expect(rows(context(ALL, ...constraints))).toEqual(expected);
      }
    }),
    { numRuns: 25 },
  );
});

test('an IN list is one question, and both its values are found', () => {
  append(10_000, true);
  const asked = context(ALL, ['pid', Operator.EQUALS, '1'], ['pid', Operator.EQUALS, '2']);
  const expected = [...table.generate(context(ALL))].filter(([, pid]) => pid === 1 || pid === 2);
  expect(expected.length).toBeGreaterThan(0);
  expect(rows(asked)).toEqual(expected);
});

test('what many records have is found by reading them', () => {
  append(10_000, true);
  const found = rows(context(ALL, ['pid', Operator.EQUALS, '99']));
  expect(found.length).toBeGreaterThan(9000);
});

test('a consumer gets each event once its last answer was taken, and again where it was not', () => {
  append(10);
  const ask = () => {
    const asked = context(['time', 'consumer'], ['consumer', Operator.EQUALS, 'soc']);
    return { asked, times: [...table.generate(asked)].map(([time]) => time) };
  };
  const first = ask();
  expect(first.times).toHaveLength(10);
  // Nobody has read it.
  expect(ask().times).toEqual(first.times);
  const again = ask();
  table.taken(again.asked);
  append(3);
  const next = ask();
  expect(next.times).toEqual([written - 3, written - 2, written - 1]);
  table.taken(next.asked);
  expect(ask().times).toEqual([]);
  // Another process begins after what was had for sure: the answer before the last.
  const other = new EventTable(directory, spec);
  const asked = context(['consumer'], ['consumer', Operator.EQUALS, 'soc']);
  expect([...other.generate(asked)]).toEqual([]);
  other.close();
});

test('after a restart the last answer is given once more', () => {
  append(10);
  const ask = (of: EventTable) => {
    const asked = context(['eid'], ['consumer', Operator.EQUALS, 'soc']);
    const rows = [...of.generate(asked)];
    of.taken(asked);
    return rows;
  };
  const first = ask(table);
  const restarted = new EventTable(directory, spec);
  expect(ask(restarted)).toEqual(first);
  expect(ask(restarted)).toEqual([]);
  restarted.close();
});

test('an answer that broke off is not had', () => {
  append(10);
  const asked = context(['eid'], ['consumer', Operator.EQUALS, 'soc']);
  for (const _ of table.generate(asked)) break;
  table.taken(asked);
  expect([...table.generate({ ...asked })]).toHaveLength(10);
});

test('without a consumer the column is NULL, and nothing is had', () => {
  append(2);
  expect(rows(context(['consumer']))).toEqual([[null], [null]]);
});

test('a position beyond the newest event, or one that is no number, means nothing', () => {
  append(5);
  const asked = () => context(['eid'], ['consumer', Operator.EQUALS, 'soc']);
  mkdirSync(join(directory, 'consumers/events'), { recursive: true });
  for (const position of [String(Number.MAX_SAFE_INTEGER), 'nonsense', '', '-5', '9'.repeat(30)]) {
    writeFileSync(join(directory, 'consumers/events/soc'), position);
    expect([...table.generate(asked())]).toHaveLength(5);
  }
});

test.each([
  [
    'two names',
    [
      ['consumer', Operator.EQUALS, 'a'],
      ['consumer', Operator.EQUALS, 'b'],
    ],
    false,
  ],
  ['a path', [['consumer', Operator.EQUALS, '../../etc/passwd']], false],
  ['a point', [['consumer', Operator.EQUALS, '.soc']], false],
  ['a NUL', [['consumer', Operator.EQUALS, 'a\0b']], false],
  ['65 characters', [['consumer', Operator.EQUALS, 'a'.repeat(65)]], false],
  ['LIMIT', [['consumer', Operator.EQUALS, 'soc']], true],
] as [string, [string, Operator, string][], boolean][])(
  '%s: a consumer is refused',
  (_, constraints, limited) => {
    append(1);
    const asked = { ...context(['eid'], ...constraints), limited };
    expect(() => [...table.generate(asked)]).toThrow(expect.objectContaining({ code: 'CONSUMER' }));
  },
);

test('so many names and no more, in files of ours alone', () => {
  append(1);
  const ask = (name: string) => {
    const asked = context(['eid'], ['consumer', Operator.EQUALS, name]);
    const rows = [...table.generate(asked)];
    table.taken(asked);
    return rows;
  };
  for (let i = 0; i < 64; i++) {
    ask(`consumer-${i}`);
    ask(`consumer-${i}`);
  }
  expect(() => ask('one-more')).toThrow(expect.objectContaining({ code: 'CONSUMER' }));
  expect(statSync(join(directory, 'consumers/events/consumer-1')).mode & 0o777).toBe(0o600);
  expect(statSync(join(directory, 'consumers/events')).mode & 0o777).toBe(0o700);
});
