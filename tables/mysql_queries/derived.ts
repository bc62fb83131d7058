/** fingerprint, normalized and statement: what is computed from query and parameters when it is asked for. */
import type { Value } from '../../extension/sdk/spec.ts';
import { type DerivedColumn, once } from '../derived.ts';
import { fingerprint, normalize } from './normalize.ts';
import { statementOf } from './statement.ts';

/** Commands whose query is SQL: of the others it is a name. */
const SQL = /^COM_(?:QUERY|STMT_\w+)$/;

const normalized = once(normalize);
const hash = once(fingerprint);

/** @returns null of a text that was cut: its values may have been, too */
const normalizedOf = (query: Value, truncated: Value, command: Value): string | null =>
  typeof query === 'string' && truncated === 0 && SQL.test(String(command))
    ? normalized(query)
    : null;

const from = ['query', 'truncated', 'command'] as const;

export const derived: readonly DerivedColumn[] = [
  { name: 'normalized', from, of: normalizedOf },
  {
    name: 'fingerprint',
    from,
    of: (query: Value, truncated: Value, command: Value) => {
      const text = normalizedOf(query, truncated, command);
      return text && hash(text);
    },
  },
  {
    name: 'statement',
    from: ['query', 'truncated', 'parameters'],
    of: (query: Value, truncated: Value, parameters: Value) =>
      typeof query === 'string' && truncated === 0 && typeof parameters === 'string'
        ? statementOf(query, parameters)
        : null,
  },
];
