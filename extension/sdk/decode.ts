/** JSON from osquery → values whose shape is known. */
import { LiveAuditError } from '../../native/errors.ts';

/** More is no request of osquery's. */
const MAX_CHARS = 16 * 1024 * 1024;
/** Objects and lists in it, of which a hostile text of that size can have some hundred megabytes. */
const MAX_OPENED = 1_000_000;
/** From here on they are counted. */
const LONG = MAX_OPENED;
const INTEGER = /^-?\d+$/;

export type JsonObject = { readonly [key: string]: unknown };

/**
 * Integers beyond 2^53 are bigint.
 * @throws LiveAuditError PROTOCOL naming `what`
 */
export function parseJson(text: string | undefined, what: string): unknown {
  if (text === undefined) throw refuse(`${what} is missing`);
  if (!isBounded(text)) throw refuse(`${what}: too large (${text.length} characters)`);
  try {
    return JSON.parse(text, exactInteger as (key: string, value: unknown) => unknown);
  } catch {
    throw refuse(`${what} is not JSON: ${JSON.stringify(text.slice(0, 40))}`);
  }
}

/** Whether it is so small that parsing it is safe. */
export function isBounded(text: string): boolean {
  if (text.length > MAX_CHARS) return false;
  if (text.length < LONG) return true;
  let opened = 0;
  for (const mark of ['{', '['])
    for (let at = text.indexOf(mark); at >= 0; at = text.indexOf(mark, at + 1))
      if (++opened > MAX_OPENED) return false;
  return true;
}

/** The third argument is of ES2026, which the types do not have yet. */
function exactInteger(_key: string, value: unknown, { source }: { source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value;
  return source !== undefined && INTEGER.test(source) ? BigInt(source) : value;
}

export function object(value: unknown, what: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw refuse(`${what} is no object`);
  }
  return value as JsonObject;
}

export function array(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw refuse(`${what} is no list`);
  return value;
}

/** osquery writes numbers as text in places. NaN where it is none. */
export const number = (value: unknown): number =>
  typeof value === 'number' || typeof value === 'string' ? Number(value) : Number.NaN;

export const text = (value: unknown): string => (typeof value === 'string' ? value : '');

export const refuse = (what: string): LiveAuditError => new LiveAuditError('PROTOCOL', what);
