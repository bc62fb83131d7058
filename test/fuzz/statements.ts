/** What the fuzz tests of the tables of statements share: real records that are damaged, and rows that are sound. */
import fc from 'fast-check';
import type { TableSpec } from '../../extension/sdk/spec.ts';
import { type Event, eventRow } from '../../tables/event.ts';

/** @throws Error where a cell is not what its column says */
export function expectSound(spec: TableSpec, event: Event, maxText: number): void {
  const row = eventRow(spec, event);
  for (const { name, type } of spec.columns) {
    const value = row[name];
    if (value === null || value === undefined) continue;
    if (type === 'TEXT') {
      if (typeof value !== 'string' || !value.isWellFormed()) throw new Error(`${name}: no text`);
      if (name === 'query' && value.length > 4 * maxText) throw new Error('query: too long');
    } else if (typeof value !== 'bigint' && !Number.isInteger(value))
      throw new Error(`${name}: ${String(value)} is no integer`);
  }
}

/** @param fixed bytes at a record's beginning that half of the changes go to: its lengths and flags */
export const mutatedOf = (real: readonly Uint8Array[], fixed: number): fc.Arbitrary<Buffer> =>
  fc
    .tuple(
      fc.constantFrom(...real),
      fc.array(fc.record({ at: fc.nat(), value: fc.nat(255) }), { maxLength: 8 }),
      fc.nat(9),
    )
    .map(([record, mutations, cut]) => {
      const bytes = Buffer.from(record);
      for (const [i, { at, value }] of mutations.entries())
        bytes[at % (i % 2 === 0 ? Math.min(fixed, bytes.length) : bytes.length)] = value;
      return cut === 0 ? bytes.subarray(0, bytes.length >> 1) : bytes;
    });
