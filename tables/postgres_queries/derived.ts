/** fingerprint and normalized: what PostgreSQL's parser says of the text. */
import type { Value } from '../../extension/sdk/spec.ts';
import { type DerivedColumn, once } from '../derived.ts';
import { type Parsed, StatementParser } from '../fingerprint/parser.ts';

const parser = new StatementParser();

const parsed = once((text) => parser.parse(text));

const part = (name: keyof Parsed): DerivedColumn => ({
  name,
  from: ['query', 'truncated', 'protocol'],
  // A text that was cut would parse as something else, if at all.
  of: (query: Value, truncated: Value, protocol: Value) =>
    typeof query === 'string' && truncated === 0 && protocol !== 'fastpath'
      ? (parsed(query)?.[name] ?? null)
      : null,
});

export const derived: readonly DerivedColumn[] = [part('fingerprint'), part('normalized')];
