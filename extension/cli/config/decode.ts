/** From any value to what a source may give. */
import { LiveAuditError } from '../../../native/errors.ts';
import { describeIssue } from './issue.ts';
import { CONFIG_KEYS, type ConfigInput, partialSchema } from './schema.ts';

/**
 * @param source named in errors: a file, a variable, an option
 * @throws LiveAuditError CONFIG: `<source>: <key>: <reason>`
 */
export function decode(value: unknown, source: string): ConfigInput {
  // zod passes over an own key of this name, which JSON.parse makes.
  if (typeof value === 'object' && value !== null && Object.hasOwn(value, '__proto__'))
    throw new LiveAuditError(
      'CONFIG',
      `${source}: __proto__: is no known key; known: ${CONFIG_KEYS.join(', ')}`,
    );
  const result = partialSchema.safeParse(value);
  if (result.success) return result.data;
  throw new LiveAuditError('CONFIG', `${source}: ${describeIssue(result.error)}`);
}
