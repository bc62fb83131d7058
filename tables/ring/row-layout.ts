/** Where the columns of a table stand in a record of its ring. */
import type { ColumnType, TableSpec } from '../../extension/sdk/spec.ts';
import { LiveAuditError } from '../../native/errors.ts';
import { RECORD_EID, RECORD_NULLS, RECORD_TIME } from './layout.ts';

/** What a column's slot holds: an i64, where a text stands, or an f64. */
export const INTEGER = 0;
export const TEXT = 1;
export const DOUBLE = 2;
const KIND_OF: Readonly<Record<ColumnType, number>> = {
  INTEGER,
  BIGINT: INTEGER,
  TEXT,
  DOUBLE,
};

export class RowLayout {
  readonly columns: readonly string[];
  readonly types: readonly ColumnType[];
  /** Where each slot is, bytes from the record's beginning. */
  readonly slots: readonly number[];
  /** What each column holds, and its slot in words of 4 bytes. */
  readonly kinds: Uint8Array;
  readonly words: Uint32Array;
  /** Of `words` those of texts. */
  readonly texts: Uint32Array;
  /** Where the texts begin: every record has at least this many bytes and a closing frame word. */
  readonly fixed: number;

  /** @throws LiveAuditError INTERNAL where the spec has no BIGINT columns `eid` and `time_ns` */
  constructor(spec: TableSpec) {
    this.columns = spec.columns.map(({ name }) => name);
    this.types = spec.columns.map(({ type }) => type);
    for (const name of ['eid', 'time_ns']) {
      if (this.types[this.columns.indexOf(name)] !== 'BIGINT') {
        throw new LiveAuditError('INTERNAL', `${spec.name}: a ring needs a BIGINT column ${name}`);
      }
    }
    let next = RECORD_NULLS + Math.ceil(this.columns.length / 64) * 8;
    this.slots = this.columns.map((name) => {
      if (name === 'eid') return RECORD_EID;
      if (name === 'time_ns') return RECORD_TIME;
      next += 8;
      return next - 8;
    });
    this.fixed = next;
    this.kinds = Uint8Array.from(this.types, (type) => KIND_OF[type]);
    this.words = Uint32Array.from(this.slots, (slot) => slot >>> 2);
    this.texts = this.words.filter((_, i) => this.kinds[i] === TEXT);
  }
}
