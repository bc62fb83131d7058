/** The values that were bound to a statement: a JSON array, of which some elements are secret. Pure. */
import { MARK } from './spans.ts';

/** @param secret numbers of parameters, from 1 on */
export function redactParameters(json: string, secret: ReadonlySet<number>): string {
  if (secret.size === 0) return json;
  const values: unknown = JSON.parse(json);
  if (!Array.isArray(values)) return JSON.stringify(MARK);
  return JSON.stringify(
    values.map((value: unknown, i) => (secret.has(i + 1) && value !== null ? MARK : value)),
  );
}
