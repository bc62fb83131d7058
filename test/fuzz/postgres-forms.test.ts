/** Rows of many forms and connections in turns: each is stored as it would be if it came alone. */
import fc from 'fast-check';
import type { Value } from '../../extension/sdk/spec.ts';
import { PostgresAssembler } from '../../tables/postgres_queries/assemble.ts';
import { Known, Outcome, Protocol } from '../../tables/postgres_queries/records.ts';
import { spec } from '../../tables/postgres_queries/spec.ts';
import { RowCodec } from '../../tables/ring/codec.ts';
import { RowEncoder } from '../../tables/ring/encoder.ts';
import { Views } from '../../tables/ring/layout.ts';
import { Backend, sources, world } from '../fixtures/postgres/records.ts';

const codec = new RowCodec(spec);

/** An assembler whose events go through a ring's encoder, as in a collector. */
class Stored {
  readonly #assembler = new PostgresAssembler(world, sources);
  readonly #encoder = new RowEncoder(codec.layout);
  readonly #place = new Views(new ArrayBuffer(2048));

  rows(records: readonly Buffer[]): Value[][] {
    const rows: Value[][] = [];
    for (const { buffer, byteOffset, length } of records) {
      const view = new DataView(buffer, byteOffset, length);
      const event = this.#assembler.accept(view, 0, length);
      if (event === 'unreadable') throw new Error('the test makes wrong records');
      if (event === null) continue;
      this.#encoder.encode(1, event, 0, this.#place, 8, 2000);
      const { memory, at } = this.#encoder;
      rows.push(spec.columns.map((_, i) => codec.value(memory, at, i)));
    }
    return rows;
  }
}

const PIDS = [100, 101, 102];
const statement = fc.record({
  pid: fc.constantFrom(...PIDS),
  text: fc.constantFrom('select 1', 'begin', "select 'é'", `select ${'1, '.repeat(300)}1`),
  protocol: fc.constantFrom(Protocol.UNKNOWN, Protocol.SIMPLE, Protocol.EXTENDED),
  outcome: fc.constantFrom(Outcome.DONE, Outcome.DONE, Outcome.DONE, Outcome.FAILED, Outcome.EMPTY),
  tag: fc.constantFrom(0, 1, 2, 77, 0xffff_fffe, undefined),
  rows: fc.bigInt({ min: 0n, max: 3n }),
  name: fc.constantFrom('n', 'another name', undefined),
  unnamed: fc.boolean(),
  start: fc.constantFrom(undefined, 0n),
  target: fc.constantFrom(0, 0, 0, 9),
});
const identity = fc.record({
  pid: fc.constantFrom(...PIDS),
  user: fc.constantFrom('ann', 'bob'),
  application: fc.constantFrom('psql', 'an app'),
});
type Step =
  | (typeof statement extends fc.Arbitrary<infer S> ? S : never)
  | (typeof identity extends fc.Arbitrary<infer I> ? I : never);
const steps = fc.array<Step>(
  fc.oneof({ weight: 5, arbitrary: statement }, { weight: 1, arbitrary: identity }),
  {
    maxLength: 60,
  },
);

function recordsOf(step: Step): Buffer[] {
  const backend = new Backend(step.pid);
  if ('user' in step) return backend.identity(step).records;
  const { text, tag, name, start, unnamed, ...options } = step;
  return backend.statement(text, {
    ...options,
    ...(tag !== undefined && { tag }),
    ...(name !== undefined && { name }),
    ...(start !== undefined && { start }),
    known: unnamed && name === undefined ? Known.UNNAMED : 0,
  }).records;
}

test('in any order each row is as it is alone', () => {
  fc.assert(
    fc.property(steps, (all) => {
      const stored = new Stored();
      const told = new Map<number, Buffer[]>();
      for (const step of all) {
        const records = recordsOf(step);
        const rows = stored.rows(records);
        if ('user' in step) told.set(step.pid, records);
        else expect(rows).toEqual(new Stored().rows([...(told.get(step.pid) ?? []), ...records]));
      }
    }),
    { numRuns: 300 },
  );
});
