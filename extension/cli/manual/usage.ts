/** What `help` prints. */
import { COMMANDS, COMMON_OPTIONS, EXIT_CODES, EXTENSION, PROGRAM } from './commands.ts';

/** Where the right column begins. */
const RIGHT = 30;

function line([call, does]: readonly [string, string]): string {
  const left = `  ${PROGRAM} ${call}`;
  return left.length < RIGHT
    ? `${left.padEnd(RIGHT)}${does}\n`
    : `${left}\n${' '.repeat(RIGHT)}${does}\n`;
}

export function usage(): string {
  const options = COMMON_OPTIONS.map(
    ({ flag, value, text, variable, otherwise }) =>
      `  ${`${flag} ${value?.name}`.padEnd(18)}${text} (${variable}; ${otherwise})\n`,
  );
  return `live_audit: what was typed in the shells and asked of the databases, as osquery tables

${[EXTENSION, ...COMMANDS].flatMap((command) => command.usage.map(line)).join('')}
Options of all:
${options.join('')}
Exit codes: ${EXIT_CODES.map(([code, meaning]) => `${code} ${meaning}`).join(', ')}.
`;
}
