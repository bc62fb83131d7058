/**
 * The parts of a backend without their secrets: for the checkpoint, which is a file. Texts keep their length. What
 * was bound is left out, for which of it is secret is not known before its statement: after a collector that
 * ended between Bind and Execute, the statement's parameters are NULL.
 */
import type { Redactor } from '../redact/redactor.ts';
import { bytesOf, newText, type Parts, type SavedParts, type Text } from './parts.ts';
import { beginOfText } from './records.ts';

export function masked(parts: Parts, redactor: Redactor): SavedParts {
  const { bound: _, ...rest } = parts;
  return {
    ...rest,
    query: parts.query && maskText(parts.query, redactor),
    error: parts.error && maskText(parts.error, redactor),
    bind: parts.bind && { ...newText(), ended: parts.bind.ended, cut: true },
    dying: parts.dying && maskRecord(parts.dying, redactor),
  };
}

function maskText(text: Text, redactor: Redactor): Text {
  return { ...text, chunks: [redactor.mask(bytesOf(text))], own: 1 };
}

/** A statement's record, with the begin of its text. */
function maskRecord(record: Buffer, redactor: Redactor): Buffer {
  const begin = beginOfText(new DataView(record.buffer, record.byteOffset, record.length), 0);
  const text = record.subarray(begin);
  const safe = redactor.mask(text);
  return safe === text ? record : Buffer.concat([record.subarray(0, begin), safe]);
}
