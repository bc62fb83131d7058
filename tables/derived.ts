/** Columns that no ring holds: they are computed from others of the row when they are asked for. */
import type { Value } from '../extension/sdk/spec.ts';

export interface DerivedColumn {
  readonly name: string;
  /** The stored columns that it is computed from. */
  readonly from: readonly string[];
  /**
   * @param values of `from`, in its order
   * Pure: the same values give the same.
   */
  readonly of: (...values: Value[]) => Value;
}

const MAX_CACHED = 4096;
const MAX_CACHED_LENGTH = 8192;

/** Computed once for each distinct text that is not very long; the oldest are forgotten. */
export function once<T>(of: (text: string) => T): (text: string) => T {
  const known = new Map<string, { readonly value: T }>();
  return (text) => {
    const before = known.get(text);
    if (before) return before.value;
    const value = of(text);
    if (text.length > MAX_CACHED_LENGTH) return value;
    const [oldest] = known.keys();
    if (known.size >= MAX_CACHED && oldest !== undefined) known.delete(oldest);
    known.set(text, { value });
    return value;
  };
}
