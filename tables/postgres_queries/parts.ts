/**
 * What comes of a backend before the record that makes a row of it: long texts, messages, what was bound. Plain
 * data: the checkpoint holds it. STATE_VERSION goes up whenever it changes.
 */

/** A text in chunks. */
export interface Text {
  readonly chunks: Buffer[];
  /** Chunks before this one are copies; the others lie in the kernel's memory. */
  own: number;
  /** Length of the whole text, bytes; valid once it has ended. -1: not known. */
  total: number;
  ended: boolean;
  /** A part of it could not be read, was lost, or was too much. */
  cut: boolean;
}

export interface Parts {
  query: Text | null;
  error: Text | null;
  bind: Text | null;
  /** The record that tells what the backend was at when a signal came: a copy of its fixed part and text. */
  dying: Buffer | null;
  /** What was bound, by the address of the portal, the oldest first. */
  readonly bound: Map<number, Bound>;
  /** Of the next record, while any part waits for more. */
  nextSeq: number;
}

/** What the checkpoint holds of it. */
export type SavedParts = Omit<Parts, 'bound'>;

export interface Bound {
  /** JSON */
  readonly values: string;
  executed: boolean;
}

export const STATE_VERSION = 4;

/** Portals of a connection whose values are remembered: beyond it the oldest go, executed or not. */
const MAX_BOUND = 16;

export function addBound(parts: Parts, portal: number, values: string): void {
  const [oldest] = parts.bound.keys();
  if (oldest !== undefined && parts.bound.size >= MAX_BOUND) parts.bound.delete(oldest);
  parts.bound.set(portal, { values, executed: false });
}

export const newParts = (): Parts => ({
  query: null,
  error: null,
  bind: null,
  dying: null,
  bound: new Map(),
  nextSeq: 0,
});

export const newText = (): Text => ({ chunks: [], own: 0, total: 0, ended: false, cut: false });

export interface Chunk {
  readonly bytes: Buffer;
  readonly last: boolean;
  readonly cut: boolean;
  /** Of the whole text, on the last one; -1: not known. */
  readonly total: number;
}

/** @param keep false: only its length counts from here on */
export function addChunk(text: Text, chunk: Chunk, keep: boolean): void {
  if (keep && chunk.bytes.length > 0) text.chunks.push(chunk.bytes);
  text.cut ||= chunk.cut || (!keep && chunk.bytes.length > 0);
  if (!chunk.last) return;
  text.total = chunk.total;
  text.ended = true;
}

/** Copy what is the kernel's memory still: it is given back. */
export function detach(parts: Parts): void {
  for (const text of [parts.query, parts.error, parts.bind]) {
    if (!text) continue;
    for (let i = text.own; i < text.chunks.length; i++)
      text.chunks[i] = Buffer.from(text.chunks[i] ?? '');
    text.own = text.chunks.length;
  }
}

/** Most texts are one chunk, which needs no copy. */
export function bytesOf({ chunks }: Text): Buffer {
  const [only] = chunks;
  return only && chunks.length === 1 ? only : Buffer.concat(chunks);
}

export const keptBytes = ({ chunks }: Text): number =>
  chunks.reduce((sum, chunk) => sum + chunk.length, 0);

/** Whether anything of it must not be forgotten. */
export const isWaiting = (parts: Parts): boolean =>
  parts.query !== null ||
  parts.error !== null ||
  parts.bind !== null ||
  parts.dying !== null ||
  [...parts.bound.values()].some(({ executed }) => !executed);
