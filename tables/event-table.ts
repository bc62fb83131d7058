/** An event table: its ring, read under the constraints of a query. */
import type { CellSink, EncodableRow, QueryContext, Row, Table } from '../extension/sdk/context.ts';
import type { ColumnSpec, TableSpec, Value } from '../extension/sdk/spec.ts';
import { LiveAuditError } from '../native/errors.ts';
import { Consumers, withConsumer } from './consumers.ts';
import type { DerivedColumn } from './derived.ts';
import {
  bounds,
  type Conditions,
  conditions,
  consumerOf,
  type EqualColumn,
  lastWanted,
} from './event-query.ts';
import type { RecordCursor } from './ring/cursor.ts';
import { RingReader } from './ring/reader.ts';

/** The place of a column that no record has. */
const NOT_STORED = -1;

/** A consumer, and the eid up to which it has had all when it has read the answer. */
interface Given {
  readonly name: string;
  readonly upTo: number;
}

/** Records that may be rows, and what tells which are. */
interface Question extends Pick<Conditions, 'tests'> {
  readonly records: Iterable<RecordCursor>;
  readonly given: Given | undefined;
}

/** How rows are put together: places in the ring, and between them those of derived columns. */
interface Layout {
  readonly runs: readonly (Uint32Array | number)[];
  readonly hasConsumer: boolean;
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
  readonly #equalColumns: readonly EqualColumn[];
  /** By the columns asked for, which are the same for each call of a JOIN. */
  readonly #layouts = new WeakMap<readonly ColumnSpec[], Layout>();
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
    const equal = spec.columns.flatMap((column, place) =>
      column.push === 'equal' ? { column, place, isDerived: this.#derived.has(place) } : [],
    );
    // What must be computed is looked at last.
    this.#equalColumns = equal.sort((a, b) => Number(a.isDerived) - Number(b.isDerived));
    this.#consumers = new Consumers(directory, spec.name);
  }

  /** @throws LiveAuditError RING_DAMAGED where the ring cannot be read: no answer is better than half of one */
  *generate(context: QueryContext): Generator<Row, void, undefined> {
    const places = this.#places(context);
    const consumer = consumerOf(context) ?? null;
    const question = this.#ask(context);
    for (const record of question.records) {
      if (this.#passes(record, question.tests))
        yield places.map((place) => (place === NOT_STORED ? consumer : this.#value(record, place)));
    }
    this.#end(context, question);
  }

  /** The same rows, without strings. */
  *encodable(context: QueryContext): Generator<EncodableRow, void, undefined> {
    const { runs, hasConsumer } = this.#layout(context);
    const consumer = consumerOf(context) ?? null;
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
    const question = this.#ask(context);
    for (record of question.records) if (this.#passes(record, question.tests)) yield row;
    this.#end(context, question);
  }

  #layout(context: QueryContext): Layout {
    let layout = this.#layouts.get(context.columns);
    if (layout === undefined) {
      const places = this.#places(context);
      // The consumer's column is behind those of the ring.
      const stored = places.filter((place) => place !== NOT_STORED);
      layout = { runs: this.#runs(stored), hasConsumer: stored.length < places.length };
      this.#layouts.set(context.columns, layout);
    }
    return layout;
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

  #ask(context: QueryContext): Question {
    this.reader.refresh();
    const { lookups, tests } = conditions(context, this.#equalColumns);
    const given = this.#begin(context);
    const wanted = bounds(context);
    if (given !== undefined) {
      wanted.fromEid = Math.max(wanted.fromEid, given.from);
      wanted.toEid = Math.min(wanted.toEid, given.upTo);
    }
    return { records: this.reader.matching(wanted, lookups), tests, given };
  }

  #passes(record: RecordCursor, tests: Conditions['tests']): boolean {
    for (const { place, test } of tests) if (!test(this.#value(record, place))) return false;
    return true;
  }

  /** All rows are given. @throws LiveAuditError RING_DAMAGED */
  #end(context: QueryContext, { given }: Question): void {
    if (this.reader.damage !== null)
      throw new LiveAuditError('RING_DAMAGED', `${this.reader.path}: ${this.reader.damage}`);
    if (given !== undefined) this.#given.set(context, given);
  }

  #begin(context: QueryContext): (Given & { readonly from: number }) | undefined {
    const name = consumerOf(context);
    const last = name === undefined ? undefined : this.reader.lastEid();
    if (name === undefined || last === undefined) return undefined;
    // SQLite would not look at the rows behind the limit, and they would count as had.
    if (context.limited)
      throw new LiveAuditError('CONSUMER', `consumer: a LIMIT for '${name}' loses rows`);
    const from = this.#consumers.begin(name, last) + 1;
    return { name, from, upTo: Math.max(from - 1, Math.min(last, lastWanted(context))) };
  }

  /** Places in the spec of these columns. */
  indexes(names: readonly string[]): number[] {
    return names.map((name) => this.#index.get(name) ?? -1).filter((index) => index >= 0);
  }

  #places({ columns }: QueryContext): number[] {
    return columns.map(({ name }) => this.#index.get(name) ?? NOT_STORED);
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
