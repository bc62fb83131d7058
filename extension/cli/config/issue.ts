/** Says in one line what is wrong with a config: the key and the reason. */
import type { z } from 'zod';
import { METRICS_KEYS } from './metrics.ts';
import { CONFIG_KEYS, SHELL_KEYS, TABLES } from './schema.ts';

type Issue = z.core.$ZodIssue;

const MAX_KEY_CHARACTERS = 64;
/** Farther apart than this many edits, a name is no slip of the pen. */
const MAX_HINT_EDITS = 3;

/** Names that are hostile stay one short line of ASCII. */
export const printable = (text: string): string =>
  text
    .slice(0, MAX_KEY_CHARACTERS)
    .replace(/[^\x20-\x7e]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** @returns such as `targets[0].path: must be an absolute path` */
export function describeIssue(error: z.core.$ZodError): string {
  const [issue] = error.issues;
  return issue ? describe(issue, []) : 'is wrong';
}

function describe(issue: Issue, above: readonly PropertyKey[]): string {
  const path = [...above, ...issue.path];
  if (issue.code === 'invalid_union') {
    const inner = alternative(issue.errors);
    if (inner) return describe(inner, path);
  }
  if (issue.code === 'unrecognized_keys')
    return at([...path, issue.keys[0] ?? ''], unknown(issue.keys[0] ?? '', path));
  return at(path, issue.message);
}

/** Of the forms that a value may have, the one that it was meant to have: the one of its type. */
function alternative(forms: readonly (readonly Issue[])[]): Issue | undefined {
  const meant = forms.find(
    ([first]) => first && (first.path.length > 0 || first.code === 'unrecognized_keys'),
  );
  return (meant ?? forms[0])?.[0];
}

function at(path: readonly PropertyKey[], reason: string): string {
  const name = path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${printable(String(part))}`))
    .join('')
    .replace(/^\./, '');
  return name === '' ? reason : `${name}: ${reason}`;
}

function unknown(key: string, path: readonly PropertyKey[]): string {
  if (path.length === 0) return `is no known key${hint(key, CONFIG_KEYS)}`;
  if (path[0] === 'targets') return `is no known key${hint(key, ['program', 'path', 'symbols'])}`;
  if (path[0] === 'metrics') return `is no known key${hint(key, METRICS_KEYS)}`;
  if (path[0] === 'mysql') return `is no known key${hint(key, ['all_commands'])}`;
  if (path[0] === 'redaction')
    return `is no known key${hint(key, path.length === 1 ? ['on', 'rules'] : ['keyword', 'pattern'])}`;
  if (path[0] === 'shell')
    return `is no known key${hint(key, path.length === 1 ? SHELL_KEYS : ['keep', 'drop'])}`;
  return `is no table that is captured${hint(key, TABLES)}`;
}

function hint(key: string, known: readonly string[]): string {
  const near = known
    .map((name) => ({ name, edits: editDistance(printable(key), name) }))
    .sort((a, b) => a.edits - b.edits)[0];
  if (near && near.edits <= MAX_HINT_EDITS) return `; did you mean ${near.name}?`;
  return `; known: ${known.join(', ')}`;
}

/** Levenshtein distance: insertions, deletions and replacements. */
export function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
