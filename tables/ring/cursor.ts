/** The record that an iteration is at. It is one object that moves: take the values before the next step. */
import type { CellSink } from '../../extension/sdk/context.ts';
import type { Value } from '../../extension/sdk/spec.ts';
import type { RowCodec } from './codec.ts';
import { sourceAt } from './frame.ts';
import { RECORD_TIME } from './layout.ts';
import type { Scan } from './scan.ts';

export class RecordCursor {
  readonly #codec: RowCodec;
  readonly #scan: Scan;

  constructor(codec: RowCodec, scan: Scan) {
    this.#codec = codec;
    this.#scan = scan;
  }

  get eid(): number {
    return this.#scan.eid;
  }

  /** Unix ns. */
  get timeNs(): bigint {
    return this.#scan.views.i64[(this.#scan.at + RECORD_TIME) / 8] ?? 0n;
  }

  /** Where the bytes that completed the event ended in the kernel's ring buffer; 0 where none did. */
  get source(): number {
    return sourceAt(this.#scan.views, this.#scan.at);
  }

  /** Bytes in the ring. */
  get length(): number {
    return this.#scan.length;
  }

  /** A cell by the column's index in the spec: INTEGER and BIGINT are bigint beyond 2^53. */
  value(column: number): Value {
    return this.#codec.value(this.#scan.views, this.#scan.at, column);
  }

  /** Hands the cells of these columns over as they stand. */
  put(columns: Uint32Array, cells: CellSink): void {
    this.#codec.put(this.#scan.views, this.#scan.at, columns, cells);
  }

  isNull(column: number): boolean {
    return this.#codec.isNull(this.#scan.views, this.#scan.at, column);
  }

  /** The UTF-8 bytes of a TEXT cell, null where NULL. Good until the next step: copy what is to be kept. */
  bytes(column: number): Uint8Array | null {
    return this.#codec.text(this.#scan.views, this.#scan.at, column);
  }

  /** The whole row in the spec's order. */
  values(): Value[] {
    return this.#codec.columns.map((_, column) => this.value(column));
  }
}
