/** The system clock is set while events come: their times jump, their order and what a query finds do not. */
import { type Constraint, Operator } from '../../extension/sdk/context.ts';
import type { World } from '../../tables/collector/capture.ts';
import { eventRow } from '../../tables/event.ts';
import { EventTable } from '../../tables/event-table.ts';
import { RingWriter } from '../../tables/ring/writer.ts';
import { capture } from '../../tables/shell_history_live/capture.ts';
import { spec } from '../../tables/shell_history_live/spec.ts';
import { makeDirectory, removeDirectories } from '../fixtures/ring-directory.ts';
import { BOOT, Shell, viewOf, world } from '../fixtures/shell/records.ts';

const S = 1_000_000_000n;
const NOON = 1_800_000_000n * S;
/** What the clock is set forward by, s: an hour back, two days on, a boot clock that was never set. */
const JUMPS = [0n, -3600n, 172_800n, 0n, -3601n, -NOON / S];
const PER_JUMP = 200;
const COLUMNS = spec.columns.filter(({ name }) =>
  ['eid', 'time', 'time_ns', 'command'].includes(name),
);

interface Stored {
  readonly eid: number;
  readonly ns: bigint;
  readonly command: string;
}

const directory = makeDirectory();
const stored: Stored[] = [];
let table: EventTable;

beforeAll(() => {
  const clock: { -readonly [K in keyof World]: World[K] } = { ...world, bootToUnix: NOON };
  const assembler = capture.assembler(clock);
  const writer = new RingWriter({ directory, spec, capacity: 2 ** 22 });
  const shell = new Shell();
  for (const jump of JUMPS) {
    clock.bootToUnix = NOON + jump * S;
    for (let n = 0; n < PER_JUMP; n++) {
      const command = `jump ${jump} ${n}`;
      shell.records.splice(0);
      shell.context().line(command).start().end(0).wait(S);
      for (const bytes of shell.records) {
        const event = assembler.accept(viewOf(bytes), 0, bytes.length);
        if (event === null || event === 'unreadable') continue;
        const eid = writer.append(event);
        stored.push({ eid, ns: BigInt(eventRow(spec, event).time_ns ?? 0), command });
      }
    }
  }
  writer.close();
  table = new EventTable(directory, spec);
});
afterAll(() => {
  table.close();
  removeDirectories();
});

const found = (...constraints: Constraint[]): unknown[][] =>
  [...table.generate({ columns: COLUMNS, constraints })].map((row) => [...row]);
const commands = (...constraints: Constraint[]): unknown[] =>
  found(...constraints).map((row) => row[COLUMNS.findIndex(({ name }) => name === 'command')]);
const where = (column: string, op: Operator, value: bigint | number): Constraint => ({
  column,
  op,
  value: String(value),
});

test('every event is there, and eid goes on by one while time jumps', () => {
  expect(stored).toHaveLength(JUMPS.length * PER_JUMP);
  const [first] = stored;
  expect(stored.map(({ eid }) => eid - (first?.eid ?? 0))).toEqual(stored.map((_, i) => i));
  expect(found().map(([eid]) => eid)).toEqual(stored.map(({ eid }) => eid));
  const back = stored.filter(({ ns }, i) => i > 0 && ns < (stored[i - 1]?.ns ?? 0n));
  expect(back).toHaveLength(4);
});

test('an event has the time that the clock showed when it came', () => {
  expect(stored[0]?.ns).toBe(NOON + BOOT + 2_000_000n);
  expect(stored[PER_JUMP]?.ns).toBeLessThan(stored[PER_JUMP - 1]?.ns ?? 0n);
});

test('a range of times finds all of it and nothing else, on both sides of every jump', () => {
  const edges = stored.filter((_, i) => i % 67 === 0 || i % PER_JUMP < 2).map(({ ns }) => ns);
  for (const from of edges) {
    const to = from + 50n * S;
    expect(
      commands(
        where('time_ns', Operator.GREATER_OR_EQUAL, from),
        where('time_ns', Operator.LESS, to),
      ),
    ).toEqual(stored.filter(({ ns }) => ns >= from && ns < to).map(({ command }) => command));
    const second = from / S;
    expect(commands(where('time', Operator.EQUALS, second))).toEqual(
      stored.filter(({ ns }) => ns / S === second).map(({ command }) => command),
    );
  }
});

test('“since eid” finds what came later, also what the clock says was earlier', () => {
  for (const { eid } of stored.filter((_, i) => i % 97 === 0))
    expect(commands(where('eid', Operator.GREATER, eid))).toEqual(
      stored.filter((event) => event.eid > eid).map(({ command }) => command),
    );
});
