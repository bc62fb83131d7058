/** The prepared text with its values put in, as one could send it. Pure. */
import sqlstring from 'sqlstring';
import { placeholdersIn } from './placeholders.ts';

/** What stands for a value that is not known: the placeholder stays. */
const PLACEHOLDER = '?';

/**
 * @param query whole
 * @param parameters JSON array, as in the column
 * @returns null where they are not for this text
 */
export function statementOf(query: string, parameters: string): string | null {
  const values = valuesOf(parameters);
  const offsets = placeholdersIn(query);
  if (values === null || values.length !== offsets.length) return null;
  const parts: string[] = [];
  let from = 0;
  for (const [i, offset] of offsets.entries()) {
    parts.push(query.slice(from, offset), values[i] ?? PLACEHOLDER);
    from = offset + PLACEHOLDER.length;
  }
  parts.push(query.slice(from));
  return parts.join('');
}

/** Each value in SQL; null where there is none that can be put in: a value without room, a row of a bulk execution. */
function valuesOf(parameters: string): (string | null)[] | null {
  // Integers of 64 bits are not what JSON.parse makes of them: their digits are taken as they stand.
  const digits = (_key: string, value: unknown, context?: { source?: string }): unknown =>
    typeof value === 'number' ? sqlstring.raw(context?.source ?? String(value)) : value;
  let parsed: unknown;
  try {
    parsed = JSON.parse(parameters, digits);
  } catch {
    return null;
  }
  return Array.isArray(parsed) ? parsed.map(sqlOf) : null;
}

function sqlOf(value: unknown): string | null {
  if (value === null || typeof value === 'string') return sqlstring.escape(value);
  if (typeof value !== 'object' || Array.isArray(value)) return null;
  if ('toSqlString' in value) return sqlstring.escape(value);
  return 'hex' in value && typeof value.hex === 'string'
    ? sqlstring.escape(Buffer.from(value.hex, 'hex'))
    : null;
}
