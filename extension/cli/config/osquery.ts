/** The config as osquery gives it: its own options named `custom_live_audit_<key>`. */
import { LiveAuditError } from '../../../native/errors.ts';
import { decode } from './decode.ts';
import { printable } from './issue.ts';
import { parseJson } from './json.ts';
import { CONFIG_KEYS, type ConfigInput, type ConfigKey } from './schema.ts';

export const OSQUERY_PREFIX = 'custom_live_audit_';

/** Keys whose text is the value itself; the others are JSON. */
const TEXT_KEYS: ReadonlySet<string> = new Set<ConfigKey>(['state_dir']);

/**
 * @param options osquery's options, name to text (`Manager.options`); others than ours are passed over
 * @throws LiveAuditError CONFIG, naming the option and the reason
 */
export function configFromOsquery(options: ReadonlyMap<string, string>): ConfigInput {
  const merged: Record<string, unknown> = {};
  for (const [name, text] of options) {
    if (!name.startsWith(OSQUERY_PREFIX)) continue;
    const key = name.slice(OSQUERY_PREFIX.length);
    const source = `osquery option ${printable(name)}`;
    // Each for itself, so that an error names its option.
    if (!(CONFIG_KEYS as readonly string[]).includes(key))
      throw new LiveAuditError(
        'CONFIG',
        `${source}: is no known key; known: ${CONFIG_KEYS.join(', ')}`,
      );
    merged[key] = TEXT_KEYS.has(key) ? text : json(text, source);
    decode({ [key]: merged[key] }, source);
  }
  return decode(merged, 'osquery options');
}

function json(text: string, source: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    throw new LiveAuditError('CONFIG', `${source}: ${(error as SyntaxError).message}`);
  }
}
