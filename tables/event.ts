/**
 * A finished event on its way into a table's ring file: one cell for each column, in the spec's order. The
 * place of `eid` holds null: the ring gives it.
 */
import type { RowOf, TableSpec, Value } from '../extension/sdk/spec.ts';

/** A Uint8Array or Slice is a TEXT that is known to be whole UTF-8: its bytes are stored as they are. */
export type Cell = Value | Uint8Array | Slice | Int64;

/** A part of a larger memory: a Buffer of it would take as long to make as the text takes to store. */
export class Slice {
  bytes: Buffer = Buffer.alloc(0);
  /** The same memory, if it begins at a word. */
  words: Int32Array | null = null;
  start = 0;
  end = 0;
}

/** An integer of 64 bits by its halves: a bigint is made on the heap each time. */
export class Int64 {
  /** Signed. */
  high = 0;
  /** Unsigned, or the same bits signed. */
  low = 0;

  /**
   * @param a not negative, below 2^53
   * @param b not negative, below 2^21
   */
  setProduct(a: number, b: number): this {
    const low = (a % 2 ** 32) * b;
    this.high = Math.floor(a / 2 ** 32) * b + Math.floor(low / 2 ** 32);
    this.low = low >>> 0;
    return this;
  }

  get value(): bigint {
    return (BigInt(this.high) << 32n) | BigInt(this.low >>> 0);
  }
}

/**
 * Cells that many events have in common, such as who is connected. An event that names it has the same cells in
 * these places whenever it does: their bytes are made once, and the ring's codec keeps them here.
 */
export class Shared {
  readonly places: readonly number[];
  encoded: unknown = null;

  constructor(places: readonly number[]) {
    this.places = places;
  }
}

/** What events share as long as two things are the very same: who is connected, and to which server. */
export class SharedWhile {
  #shared: Shared | null = null;
  #one: unknown;
  #other: unknown;

  /** @param places always the same */
  of(one: unknown, other: unknown, places: readonly number[]): Shared {
    if (this.#shared === null || one !== this.#one || other !== this.#other) {
      this.#shared = new Shared(places);
      this.#one = one;
      this.#other = other;
    }
    return this.#shared;
  }
}

/** Its maker may use the array and its bytes again for the next event. */
export interface Event extends ReadonlyArray<Cell> {
  readonly shared?: Shared | null;
}

/** An event that its maker fills again and again. */
export type EventCells = Cell[] & { shared: Shared | null };

export const newEvent = (spec: TableSpec): EventCells =>
  Object.assign(
    spec.columns.map((): Cell => null),
    { shared: null },
  );

/** The place of each column, by name: `event[at.pid]`. */
export function placesOf<S extends TableSpec>(
  spec: S,
): { readonly [C in S['columns'][number]['name']]: number } {
  return Object.freeze(
    Object.fromEntries(spec.columns.map(({ name }, place) => [name, place])),
  ) as { readonly [C in S['columns'][number]['name']]: number };
}

/** The event as an object by column name, texts as strings, without `eid`. */
export function eventRow(spec: TableSpec, event: Event): Record<string, Value> {
  const cells = spec.columns.map(({ name }, i) => [name, storedValue(event[i] ?? null)] as const);
  return Object.fromEntries(cells.filter(([name]) => name !== 'eid'));
}

/** The event of such an object; a column that it lacks is NULL. */
export function eventOf<S extends TableSpec>(spec: S, row: Partial<Omit<RowOf<S>, 'eid'>>): Event {
  const cells: Readonly<Record<string, unknown>> = row;
  return spec.columns.map(({ name }) => (cells[name] ?? null) as Value);
}

function storedValue(cell: Cell): Value {
  if (cell instanceof Slice) return cell.bytes.toString('utf8', cell.start, cell.end);
  if (cell instanceof Int64) return cell.value;
  return cell instanceof Uint8Array ? Buffer.from(cell).toString('utf8') : cell;
}

/** A cell apart from its maker's memory. */
export function keptCell(cell: Cell): Cell {
  if (cell instanceof Uint8Array) return Uint8Array.from(cell);
  return cell instanceof Slice || cell instanceof Int64 ? storedValue(cell) : cell;
}
