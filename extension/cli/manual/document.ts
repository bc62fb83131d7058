/** docs/command-line.md, from the command table. Markdown. */
import {
  COMMANDS,
  COMMON_OPTIONS,
  type CommandDoc,
  EXIT_CODES,
  EXTENSION,
  type OptionDoc,
  PROGRAM,
} from './commands.ts';

const cell = (text: string): string => text.replaceAll('|', '\\|');

const optionRow = ({ flag, value, text }: OptionDoc): string =>
  `| \`${flag}\` | ${value === undefined ? '' : `\`${value.name}\``} | ${cell(text)} |\n`;

function options(rows: readonly OptionDoc[]): string {
  return rows.length === 0
    ? ''
    : `\n| option | value | what |\n| --- | --- | --- |\n${rows.map(optionRow).join('')}`;
}

function section({ name, usage, options: rows, more = [] }: CommandDoc): string {
  const calls = usage.map(([call, does]) => `${PROGRAM} ${call}   # ${does}\n`);
  return `## ${name === '' ? 'As an osquery extension' : name}

\`\`\`sh
${calls.join('')}\`\`\`
${options(rows)}${more.length === 0 ? '' : `\n${more.join(' ')}\n`}`;
}

export const commandLinePage = (): string => `# Command line

The packages install \`${PROGRAM}\` where osquery looks for it, and the link \`live-audit\` in \`/usr/bin\`. Errors are one line on the standard error: what is wrong, its [code](errors.md), what to do. Exit codes: ${EXIT_CODES.map(([code, meaning]) => `${code} ${meaning}`).join(', ')}.

${COMMANDS.map(section).join('\n')}
${section(EXTENSION)}
## Options of all commands

| option | value | in the environment | without it | what |
| --- | --- | --- | --- | --- |
${COMMON_OPTIONS.map(({ flag, value, variable, otherwise, text }) => `| \`${flag}\` | \`${value?.name}\` | \`${variable}\` | \`${otherwise}\` | ${text} |\n`).join('')}`;
