/** An event table: its ring, read under the constraints of a query. */
import type { QueryContext, Row, Table } from '../extension/sdk/context.ts';
import { matcher, range } from '../extension/sdk/push-down.ts';
import type { TableSpec, Value } from '../extension/sdk/spec.ts';
import { LiveAuditError } from '../native/errors.ts';
import type { RecordCursor } from './ring/cursor.ts';
import { type RingRange, RingReader } from './ring/reader.ts';

const NS_PER_S = 1_000_000_000n;
/** Bounds beyond these mean none: eids are safe integers, times fit an i64. */
const MAX_EID = BigInt(Number.MAX_SAFE_INTEGER);
const MAX_S = (2n ** 63n - 1n) / NS_PER_S;

const smaller = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b);

export class EventTable implements Table {
  readonly spec: TableSpec;
  readonly reader: RingReader;
  readonly #index: ReadonlyMap<string, number>;

  constructor(directory: string, spec: TableSpec) {
    this.spec = spec;
    this.reader = new RingReader({ directory, spec });
    this.#index = new Map(spec.columns.map((column, i) => [column.name, i]));
  }

  /** @throws LiveAuditError RING_DAMAGED where the ring cannot be read: no answer is better than half of one */
  *generate(context: QueryContext): Generator<Row, void, undefined> {
    this.reader.refresh();
    const wanted = this.indexes(context.columns.map(({ name }) => name));
    const tests = this.#tests(context);
    for (const record of this.reader.range(bounds(context))) {
      if (!tests.every(({ column, test }) => test(record.value(column)))) continue;
      yield wanted.map((column) => record.value(column));
    }
    if (this.reader.damage !== null)
      throw new LiveAuditError('RING_DAMAGED', `${this.reader.path}: ${this.reader.damage}`);
  }

  /** Places in the spec of these columns. */
  indexes(names: readonly string[]): number[] {
    return names.map((name) => this.#index.get(name) ?? -1).filter((index) => index >= 0);
  }

  #tests(context: QueryContext): { column: number; test: (value: Value) => boolean }[] {
    const tests = [];
    for (const { name, push } of this.spec.columns) {
      const test = push === 'equal' ? matcher(context, name) : null;
      if (test) tests.push({ column: this.#index.get(name) ?? -1, test });
    }
    return tests;
  }

  /** The whole row of a record, by column name. */
  row(record: RecordCursor): Record<string, Value> {
    return Object.fromEntries(this.spec.columns.map(({ name }, i) => [name, record.value(i)]));
  }

  close(): void {
    this.reader.close();
  }
}

/** The range of the ring that can hold rows for these constraints. */
function bounds(context: QueryContext): RingRange {
  const eid = range(context, 'eid');
  const time = range(context, 'time');
  const timeNs = range(context, 'time_ns');
  return {
    fromEid: Number(larger(eid.min, 0n)),
    toEid: Number(smaller(eid.max, MAX_EID)),
    fromTimeNs: larger(timeNs.min, larger(time.min, -MAX_S) * NS_PER_S),
    toTimeNs: smaller(timeNs.max, smaller(time.max, MAX_S - 1n) * NS_PER_S + (NS_PER_S - 1n)),
  };
}
