/** The one place that a statement's text passes on its way into a row. */
import { RecordFlag, RecordHeader } from '../../native/events.ts';
import type { World } from '../collector/capture.ts';
import { type Cell, placesOf, Slice } from '../event.ts';
import type { RecordMemory } from '../events/record-memory.ts';
import { textCell } from '../events/text.ts';
import { PLAIN } from '../redact/guarded.ts';
import type { Redactor } from '../redact/redactor.ts';
import type { Packets } from './packets.ts';
import { Command, StatementLayout } from './records.ts';
import type { Prepared } from './session.ts';
import { spec } from './spec.ts';
import { hasText, NO_TEXT, type Text, textAt } from './texts.ts';

const at = placesOf(spec);

export class Query {
  readonly #maxText: number;
  readonly #redactor: Redactor;
  readonly #memory: RecordMemory;
  readonly #packets: Packets;
  readonly #slice = new Slice();

  constructor({ maxText, redactor }: World, memory: RecordMemory, packets: Packets) {
    this.#maxText = maxText;
    this.#redactor = redactor ?? PLAIN;
    this.#memory = memory;
    this.#packets = packets;
  }

  /**
   * Fill in the cells of the statement's text.
   * @param prepared the statement that the command is about, if it has no text of its own
   * @returns the text as it came
   */
  put(event: Cell[], view: DataView, offset: number, prepared: Prepared | undefined): Text {
    const command = view.getUint8(offset + StatementLayout.command);
    if (command === Command.QUERY && this.#putPlain(event, view, offset)) return NO_TEXT;
    let text: Text = prepared ?? NO_TEXT;
    if (hasText(command)) text = textAt(this.#memory, this.#packets, view, offset, this.#maxText);
    if (prepared) event[at.query] = prepared.cell ??= this.#cell(prepared);
    else event[at.query] = this.#cell(text);
    event[at.query_length] = text.length;
    event[at.truncated] = text.cut ? 1 : 0;
    return text;
  }

  #cell({ bytes, cut }: Text): Cell {
    return bytes && textCell(this.#redactor.redact(bytes, cut));
  }

  /** Nearly all: a whole text in its record, without a secret, that nothing else will ask for. */
  #putPlain(event: Cell[], view: DataView, offset: number): boolean {
    const size = view.getUint32(offset + StatementLayout.text_size, true);
    if (
      size !== view.getUint32(offset + StatementLayout.packet_size, true) ||
      size > this.#maxText ||
      view.getUint32(offset + RecordHeader.seq, true) !== 0 ||
      view.getUint32(offset + StatementLayout.part_from, true) !== 0 ||
      view.getUint32(offset + StatementLayout.part_to, true) !== 0 ||
      view.getUint32(offset + StatementLayout.error_code, true) !== 0 ||
      (view.getUint16(offset + RecordHeader.flags, true) & RecordFlag.READ_FAILED) !== 0
    )
      return false;
    const from = offset + StatementLayout.text;
    if (!this.#memory.slice(view, from, from + size, this.#slice)) return false;
    if (!this.#redactor.isClean(this.#slice.bytes, from, from + size)) return false;
    event[at.query] = this.#slice;
    event[at.query_length] = size;
    event[at.truncated] = 0;
    return true;
  }
}
