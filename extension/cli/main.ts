/** The entry of the executable: a command, or the osquery extension where there is none. */
import { LiveAuditError } from '../../native/errors.ts';
import { auditParse } from './commands/audit-parse.ts';
import { auditRules } from './commands/audit-rules.ts';
import { collect } from './commands/collect.ts';
import { completion } from './commands/completion.ts';
import { extension } from './commands/extension.ts';
import { help } from './commands/help.ts';
import { query } from './commands/query.ts';
import { specs } from './commands/specs.ts';
import { status } from './commands/status.ts';
import { tail } from './commands/tail.ts';
import { version } from './commands/version.ts';
import { log } from './log.ts';

/** What it gives back is the exit code, if that is a number. */
type Command = (args: readonly string[]) => unknown;

const COMMANDS: Readonly<Record<string, Command>> = {
  collect,
  query,
  tail,
  status,
  specs,
  'audit-rules': auditRules,
  'audit-parse': auditParse,
  completion,
  version,
  help,
  '--version': version,
  '--help': help,
  '-h': help,
};

/** Also behind a command. */
const HELP = new Set(['--help', '-h']);

async function main(args: readonly string[]): Promise<number> {
  const [name = '', ...rest] = args;
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command && rest.some((argument) => HELP.has(argument))) {
    help();
    return 0;
  }
  if (command) {
    const code = await command(rest);
    return typeof code === 'number' ? code : 0;
  }
  if (name.startsWith('-')) return extension(args);
  throw new LiveAuditError('USAGE', name === '' ? 'no command' : `no command ${name}`);
}

/** One line and the right exit code, whatever went wrong. */
function failed(error: unknown): number {
  const known =
    error instanceof LiveAuditError
      ? error
      : new LiveAuditError('INTERNAL', error instanceof Error ? error.message : String(error));
  log(known.line);
  if (known.code === 'INTERNAL' && error instanceof Error && process.env.LIVE_AUDIT_DEBUG)
    process.stderr.write(`${error.stack}\n`);
  return known.exitCode;
}

// A reader that goes away (`… | head`) is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

main(process.argv.slice(2))
  .catch(failed)
  .then((code) => {
    process.exitCode = code;
  });
