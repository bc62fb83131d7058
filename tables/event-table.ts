/** An event table: its ring, read under the constraints of a query. */
import {
  type CellSink,
  type EncodableRow,
  Operator,
  type QueryContext,
  type Row,
  type Table,
} from '../extension/sdk/context.ts';
import { equals, matcher, range } from '../extension/sdk/push-down.ts';
import type { ColumnSpec, TableSpec, Value } from '../extension/sdk/spec.ts';
import { LiveAuditError } from '../native/errors.ts';
import { CONSUMER, Consumers, withConsumer } from './consumers.ts';
import type { DerivedColumn } from './derived.ts';
import type { RecordCursor } from './ring/cursor.ts';
import { type Lookup, type RingRange, RingReader } from './ring/reader.ts';
import { hashInteger, hashText } from './ring/value-index.ts';

const NS_PER_S = 1_000_000_000n;
/** Bounds beyond these mean none: eids are safe integers, times fit an i64. */
const MAX_EID = BigInt(Number.MAX_SAFE_INTEGER);
const MAX_S = (2n ** 63n - 1n) / NS_PER_S;
/** The place of a column that no record has. */
const NOT_STORED = -1;

const smaller = (a: bigint, b: bigint): bigint => (a < b ? a : b);
const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b);

/** A consumer, and the eid up to which it has had all when it has read the answer. */
interface Given {
  readonly name: string;
  readonly upTo: number;
}

/** A derived column, by places. */
interface Derivation {
  readonly from: readonly number[];
  readonly of: (...values: Value[]) => Value;
}

export class EventTable implements Table {
  /** As it is served: the ring's columns, then `consumer`. */
  readonly spec: TableSpec;
  readonly reader: RingReader;
  readonly #stored: TableSpec;
  readonly #index: ReadonlyMap<string, number>;
  /** By the place of the column. */
  readonly #derived: ReadonlyMap<number, Derivation>;
  readonly derived: readonly DerivedColumn[];
  readonly #consumers: Consumers;
  readonly #given = new WeakMap<QueryContext, Given>();

  /**
   * @param spec of the ring
   * @param derived columns of it that the ring holds as NULL
   */
  constructor(directory: string, spec: TableSpec, derived: readonly DerivedColumn[] = []) {
    this.#stored = spec;
    this.spec = withConsumer(spec);
    this.reader = new RingReader({ directory, spec });
    this.#index = new Map(spec.columns.map((column, i) => [column.name, i]));
    this.derived = derived;
    this.#derived = new Map(
      derived.map(({ name, from, of }) => [
        this.#index.get(name) ?? NOT_STORED,
        { from: this.indexes(from), of },
      ]),
    );
    this.#consumers = new Consumers(directory, spec.name);
  }

  /** @throws LiveAuditError RING_DAMAGED where the ring cannot be read: no answer is better than half of one */
  *generate(context: QueryContext): Generator<Row, void, undefined> {
    const places = this.#places(context);
    const consumer = consumerOf(context) ?? null;
    for (const record of this.#records(context))
      yield places.map((place) => (place === NOT_STORED ? consumer : this.#value(record, place)));
  }

  /** The same rows, without strings. */
  *encodable(context: QueryContext): Generator<EncodableRow, void, undefined> {
    // The consumer's column is behind those of the ring.
    const runs = this.#runs(this.#places(context).filter((place) => place !== NOT_STORED));
    const consumer = consumerOf(context) ?? null;
    const hasConsumer = context.columns.some(({ name }) => !this.#index.has(name));
    let record: RecordCursor | undefined;
    const row: EncodableRow = {
      encode: (cells: CellSink) => {
        if (record === undefined) return;
        for (const run of runs) {
          if (typeof run === 'number') cells.value(this.#value(record, run));
          else record.put(run, cells);
        }
        if (hasConsumer) cells.value(consumer);
      },
    };
    for (record of this.#records(context)) yield row;
  }

  /** Columns that stand one behind the other in the ring, and between them those that are derived. */
  #runs(places: readonly number[]): (Uint32Array | number)[] {
    const runs: (number[] | number)[] = [];
    for (const place of places) {
      const last = runs.at(-1);
      if (this.#derived.has(place)) runs.push(place);
      else if (typeof last === 'object') last.push(place);
      else runs.push([place]);
    }
    return runs.map((run) => (typeof run === 'number' ? run : Uint32Array.from(run)));
  }

  #value(record: RecordCursor, place: number): Value {
    const derivation = this.#derived.get(place);
    return derivation
      ? derivation.of(...derivation.from.map((from) => record.value(from)))
      : record.value(place);
  }

  taken(context: QueryContext): void {
    const given = this.#given.get(context);
    if (given !== undefined) this.#consumers.take(given.name, given.upTo);
  }

  *#records(context: QueryContext): Generator<RecordCursor, void, undefined> {
    this.reader.refresh();
    const tests = this.#tests(context);
    const given = this.#begin(context);
    const wanted = bounds(context);
    if (given !== undefined) {
      wanted.fromEid = Math.max(wanted.fromEid, given.from);
      wanted.toEid = Math.min(wanted.toEid, given.upTo);
    }
    for (const record of this.reader.matching(wanted, this.#lookups(context))) {
      if (tests.every(({ column, test }) => test(this.#value(record, column)))) yield record;
    }
    if (this.reader.damage !== null)
      throw new LiveAuditError('RING_DAMAGED', `${this.reader.path}: ${this.reader.damage}`);
    if (given !== undefined) this.#given.set(context, given);
  }

  #begin(context: QueryContext): (Given & { readonly from: number }) | undefined {
    const name = consumerOf(context);
    const last = this.reader.lastEid();
    if (name === undefined || last === undefined) return undefined;
    // SQLite would not look at the rows behind the limit, and they would count as had.
    if (context.limited)
      throw new LiveAuditError('CONSUMER', `consumer: a LIMIT for '${name}' loses rows`);
    const from = this.#consumers.begin(name, last) + 1;
    const toEid = Number(smaller(range(context, 'eid').max, MAX_EID));
    return { name, from, upTo: Math.max(from - 1, Math.min(last, toEid)) };
  }

  /** Places in the spec of these columns. */
  indexes(names: readonly string[]): number[] {
    return names.map((name) => this.#index.get(name) ?? -1).filter((index) => index >= 0);
  }

  #places({ columns }: QueryContext): number[] {
    return columns.map(({ name }) => this.#index.get(name) ?? NOT_STORED);
  }

  #tests(context: QueryContext): { column: number; test: (value: Value) => boolean }[] {
    const tests = [];
    for (const { name, push } of this.#stored.columns) {
      const test = push === 'equal' ? matcher(context, name) : null;
      if (test) tests.push({ column: this.#index.get(name) ?? -1, test });
    }
    // What must be computed is looked at last.
    const cost = ({ column }: { readonly column: number }) => Number(this.#derived.has(column));
    return tests.sort((a, b) => cost(a) - cost(b));
  }

  #lookups(context: QueryContext): Lookup[] {
    const lookups: Lookup[] = [];
    for (const column of this.#stored.columns) {
      const values = column.push === 'equal' ? equals(context, column.name) : null;
      const place = this.#index.get(column.name) ?? NOT_STORED;
      if (values === null || this.#derived.has(place)) continue;
      const hashes = [...values].map((value) => hashOfValue(column, value));
      lookups.push({ column: place, hashes });
    }
    return lookups;
  }

  /** Of a record the values at these places, computed ones too. */
  valuesAt(record: RecordCursor, places: readonly number[]): Value[] {
    return places.map((place) => this.#value(record, place));
  }

  /** The whole row of a record, by column name. */
  row(record: RecordCursor): Record<string, Value> {
    const cells = this.#stored.columns.map(
      ({ name }, i) => [name, this.#value(record, i)] as const,
    );
    return Object.fromEntries(cells);
  }

  close(): void {
    this.reader.close();
  }
}

/** @throws LiveAuditError CONSUMER where several are asked for */
function consumerOf({ constraints }: QueryContext): string | undefined {
  const names = new Set<string>();
  for (const { column, op, value } of constraints)
    if (column === CONSUMER && op === Operator.EQUALS) names.add(value);
  const [name] = names;
  if (names.size > 1)
    throw new LiveAuditError('CONSUMER', `consumer: ${names.size} names in one query`);
  return name;
}

/** @param value as `equals` gives it */
function hashOfValue({ type }: ColumnSpec, value: string): number {
  if (type === 'TEXT') {
    const bytes = Buffer.from(value);
    return hashText(bytes, 0, bytes.length);
  }
  const bits = BigInt(value);
  return hashInteger(Number(BigInt.asUintN(32, bits >> 32n)), Number(BigInt.asUintN(32, bits)));
}

interface Bounds extends RingRange {
  fromEid: number;
  toEid: number;
}

/** The range of the ring that can hold rows for these constraints. */
function bounds(context: QueryContext): Bounds {
  const eid = range(context, 'eid');
  const time = range(context, 'time');
  const timeNs = range(context, 'time_ns');
  const from = larger(timeNs.min, larger(time.min, -MAX_S) * NS_PER_S);
  const to = smaller(timeNs.max, smaller(time.max, MAX_S - 1n) * NS_PER_S + (NS_PER_S - 1n));
  const unbounded = (bound: bigint) =>
    bound <= -MAX_S * NS_PER_S || bound >= (MAX_S - 1n) * NS_PER_S;
  return {
    fromEid: Number(larger(eid.min, 0n)),
    toEid: Number(smaller(eid.max, MAX_EID)),
    fromTimeNs: unbounded(from) ? undefined : from,
    toTimeNs: unbounded(to) ? undefined : to,
  };
}
