/** Where a prepared text has its parameters. Pure. */
import { type Dialect, tokens } from './lexer.ts';

/** Offsets of each `?` that stands for a value. */
export function placeholdersIn(text: string, dialect?: Dialect): number[] {
  const offsets: number[] = [];
  for (const { kind, start } of tokens(text, dialect))
    if (kind === 'placeholder') offsets.push(start);
  return offsets;
}

/**
 * How many parameters a text may have: what the server was set to when it read it (sql_mode, its version for
 * comments) is not known, so it can be more than one number.
 */
export function parameterCounts(text: string): number[] {
  const counts = new Set<number>();
  for (const backslash of [true, false])
    for (const versionComments of [true, false])
      counts.add(placeholdersIn(text, { backslash, versionComments }).length);
  return [...counts];
}
