/** One table's ring file and its ledger: what is lost was seen, too, so that seen = stored + lost. */
import type { Value } from '../../extension/sdk/spec.ts';
import type { LedgerName } from '../ring/layout.ts';
import { unaccounted } from '../ring/ledger.ts';
import type { RingWriter } from '../ring/writer.ts';

export class TableLedger {
  /** The position of the newest row of this boot, or -1. */
  readonly resumed: number;
  readonly #writer: RingWriter;
  #seen = 0;

  constructor(writer: RingWriter, epoch: bigint) {
    this.#writer = writer;
    // A collector that was killed may have counted rows that it had not published.
    const missing = unaccounted(writer.ledger());
    if (missing > 0) writer.count('lost_incomplete', missing);
    if (missing < 0) writer.count('events_seen', -missing);
    this.resumed = writer.epoch === epoch ? writer.lastSource : -1;
    writer.beginEpoch(epoch);
  }

  /**
   * Store a row; readers see it from `publish` on.
   * @param position behind its serial number
   * @throws LiveAuditError RING_*: then it is counted as lost
   */
  add(row: readonly Value[], position: number): void {
    this.#seen++;
    try {
      this.#writer.add(row, position);
    } catch (error) {
      this.#writer.count('lost_store');
      throw error;
    }
  }

  /** A text is not stored; its event is. */
  withheld(): void {
    this.#writer.count('lost_redaction', 1);
  }

  lose(name: LedgerName, count: number): void {
    if (count === 0) return;
    this.#seen += count;
    this.#writer.count('events_seen', this.#seen);
    this.#seen = 0;
    this.#writer.count(name, count);
  }

  /** Show what was stored; that it was seen is told first, or a reader would see more stored than seen. */
  publish(): void {
    if (this.#seen > 0) this.#writer.count('events_seen', this.#seen);
    this.#seen = 0;
    this.#writer.publish();
  }
}
