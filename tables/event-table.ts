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

export class EventTable implements Table {
  /** As it is served: the ring's columns, then `consumer`. */
  readonly spec: TableSpec;
  readonly reader: RingReader;
  readonly #stored: TableSpec;
  readonly #index: ReadonlyMap<string, number>;
  readonly #consumers: Consumers;
  readonly #given = new WeakMap<QueryContext, Given>();

  /** @param spec of the ring */
  constructor(directory: string, spec: TableSpec) {
    this.#stored = spec;
    this.spec = withConsumer(spec);
    this.reader = new RingReader({ directory, spec });
    this.#index = new Map(spec.columns.map((column, i) => [column.name, i]));
    this.#consumers = new Consumers(directory, spec.name);
  }

  /** @throws LiveAuditError RING_DAMAGED where the ring cannot be read: no answer is better than half of one */
  *generate(context: QueryContext): Generator<Row, void, undefined> {
    const places = this.#places(context);
    const consumer = consumerOf(context) ?? null;
    for (const record of this.#records(context))
      yield places.map((place) => (place === NOT_STORED ? consumer : record.value(place)));
  }

  /** The same rows, without strings. */
  *encodable(context: QueryContext): Generator<EncodableRow, void, undefined> {
    // The consumer's column is behind those of the ring.
    const stored = Uint32Array.from(this.#places(context).filter((place) => place !== NOT_STORED));
    const consumer = consumerOf(context) ?? null;
    const hasConsumer = stored.length < context.columns.length;
    let record: RecordCursor | undefined;
    const row: EncodableRow = {
      encode: (cells: CellSink) => {
        record?.put(stored, cells);
        if (hasConsumer) cells.value(consumer);
      },
    };
    for (record of this.#records(context)) yield row;
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
      if (tests.every(({ column, test }) => test(record.value(column)))) yield record;
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
    return tests;
  }

  #lookups(context: QueryContext): Lookup[] {
    const lookups: Lookup[] = [];
    for (const column of this.#stored.columns) {
      const values = column.push === 'equal' ? equals(context, column.name) : null;
      if (values === null) continue;
      const hashes = [...values].map((value) => hashOfValue(column, value));
      lookups.push({ column: this.#index.get(column.name) ?? -1, hashes });
    }
    return lookups;
  }

  /** The whole row of a record, by column name. */
  row(record: RecordCursor): Record<string, Value> {
    return Object.fromEntries(this.#stored.columns.map(({ name }, i) => [name, record.value(i)]));
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
