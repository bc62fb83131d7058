/** The man page, in man(7) macros. */
import {
  COMMANDS,
  COMMON_OPTIONS,
  type CommandDoc,
  EXIT_CODES,
  EXTENSION,
  type OptionDoc,
  PROGRAM,
} from './commands.ts';

/** Of the last change of what the page says. */
const DATE = '2026-11-21';

/** Text that roff takes as it stands: no escapes, hyphens that can be copied, no control line by accident. */
const roff = (text: string): string =>
  text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('…', '\\[u2026]')
    .replaceAll('’', '\\(cq')
    .replace(/^[.']/gm, '\\&$&');

const bold = (text: string): string => `\\fB${roff(text)}\\fR`;
const italic = (text: string): string => `\\fI${roff(text)}\\fR`;

const optionText = ({ flag, value, text }: OptionDoc): string =>
  `.TP\n${bold(flag)}${value === undefined ? '' : ` ${italic(value.name)}`}\n${roff(text)}\n`;

function commandText({ usage, options, more = [] }: CommandDoc): string {
  const calls = usage.map(
    ([call, does]) => `.TP\n${bold(PROGRAM)} ${roff(call)}\n${roff(sentence(does))}\n`,
  );
  const inner = [
    ...options.map(optionText),
    ...(more.length > 0 ? [`.PP\n${more.map(roff).join('\n')}\n`] : []),
  ].join('');
  return `${calls.join('')}${inner === '' ? '' : `.RS\n${inner}.RE\n`}`;
}

const sentence = (text: string): string => `${text[0]?.toUpperCase()}${text.slice(1)}.`;

export interface ManTable {
  readonly name: string;
  readonly description: string;
}

export interface ManError {
  readonly code: string;
  readonly meaning: string;
  readonly remedy: string;
}

/** @param version as in the page's footer */
export function manPage(
  version: string,
  tables: readonly ManTable[],
  errors: readonly ManError[],
): string {
  return `.\\" Written by \`npm run generate\`: do not edit.
.TH LIVE_AUDIT.EXT 1 "${DATE}" "live_audit ${version}" "User Commands"
.SH NAME
${roff(PROGRAM)} \\- what was typed in the shells and asked of the databases, as osquery tables
.SH SYNOPSIS
.B ${roff(PROGRAM)}
.I COMMAND
[options]
.br
.B ${roff(PROGRAM)}
${roff(EXTENSION.usage[0]?.[0] ?? '')}
.SH DESCRIPTION
Uprobes see what shells and database servers do; ring files keep it; SQL reads it, in osquery and with this program.
One process collects, whoever is first; any number of others serve the same rows, and one of them takes over when it goes.
.SH COMMANDS
${COMMANDS.map(commandText).join('')}.SH AS AN OSQUERY EXTENSION
${commandText(EXTENSION)}.SH OPTIONS OF ALL COMMANDS
${COMMON_OPTIONS.map(({ variable, otherwise, ...option }) =>
  optionText({
    ...option,
    text: `${option.text} Also ${variable} in the environment. ${otherwise}`,
  }),
).join('')}.SH TABLES
${tables.map(({ name, description }) => `.TP\n${bold(name)}\n${roff(description)}\n`).join('')}.SH EXIT STATUS
${EXIT_CODES.map(([code, meaning]) => `.TP\n${bold(String(code))}\n${roff(meaning)}\n`).join('')}.SH ERRORS
Every error is one line on the standard error: what is wrong, its code in brackets, what to do.
${errors
  .map(({ code, meaning, remedy }) => `.TP\n${bold(code)}\n${roff(`${meaning}: ${remedy}`)}\n`)
  .join('')}.SH ENVIRONMENT
${COMMON_OPTIONS.map(({ variable, flag }) => `.TP\n${bold(variable)}\nAs ${bold(flag)}.\n`).join('')}.TP
${bold('NO_COLOR')}
If it is set and not empty, nothing is coloured.
.SH FILES
.TP
.I /etc/live\\-audit/config.json
Settings; a missing file means the defaults.
.TP
.I /run/live\\-audit
Rings, lock and the state of the probes, for root alone. The config of the packages names /var/lib/live\\-audit.
.TP
.I /etc/osquery/extensions.load
Where osqueryd finds the extension.
.SH SEE ALSO
.BR osqueryi (1),
.BR osqueryd (1),
.BR auditctl (8)
`;
}
