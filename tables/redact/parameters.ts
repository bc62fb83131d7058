/** The values that were bound to a statement: a JSON array, of which some elements are secret. Pure. */
import { MARK } from './spans.ts';

/** Of 64 bits are not what JSON.parse makes of them: their digits are taken as they stand. */
interface RawJson {
  rawJSON(text: string): unknown;
}

const digits = (_key: string, value: unknown, context?: { source?: string }): unknown =>
  typeof value === 'number' && context?.source !== undefined
    ? (JSON as unknown as RawJson).rawJSON(context.source)
    : value;

/**
 * @param redacted a value without the secrets that it holds by itself
 * @param json one element for each parameter, or of a bulk execution an array of such arrays
 * @param secret numbers of parameters, from 1 on
 */
export function redactValues(
  json: string,
  secret: ReadonlySet<number>,
  redacted: (text: string) => string,
): string {
  const values: unknown = JSON.parse(json, (key, value: unknown, context?: { source?: string }) =>
    typeof value === 'string' ? redacted(value) : digits(key, value, context),
  );
  if (!Array.isArray(values)) return JSON.stringify([MARK]);
  const isBulk = values.some((value) => Array.isArray(value));
  const withMarks = (row: readonly unknown[]) =>
    row.map((value, i) => (secret.has(i + 1) && value !== null ? MARK : value));
  return JSON.stringify(
    isBulk ? values.map((row) => (Array.isArray(row) ? withMarks(row) : row)) : withMarks(values),
  );
}
