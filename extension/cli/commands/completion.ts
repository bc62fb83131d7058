import { LiveAuditError } from '../../../native/errors.ts';
import { eventSpecs, specs } from '../../../tables/index.ts';
import { bashCompletion, type CompletionTables, zshCompletion } from '../manual/completion.ts';

const tables: CompletionTables = {
  all: specs.map(({ name }) => name),
  events: eventSpecs.map(({ name }) => name),
};

export const COMPLETIONS: Readonly<Record<string, () => string>> = {
  bash: () => bashCompletion(tables),
  zsh: () => zshCompletion(tables),
};

/** `completion bash|zsh`: the script for that shell. */
export function completion(args: readonly string[]): void {
  const [shell = ''] = args;
  const script = Object.hasOwn(COMPLETIONS, shell) ? COMPLETIONS[shell] : undefined;
  if (!script || args.length !== 1)
    throw new LiveAuditError(
      'USAGE',
      `completion takes one of ${Object.keys(COMPLETIONS).join(', ')}`,
    );
  process.stdout.write(script());
}
