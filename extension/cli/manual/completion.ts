/** Completion of the command line for bash and zsh, from the command table. */
import {
  COMMANDS,
  COMMON_OPTIONS,
  type CommandDoc,
  type OptionDoc,
  type ValueKind,
} from './commands.ts';

/** The names under which the program is called. */
export const PROGRAM_NAMES = ['live_audit.ext', 'live-audit'] as const;

export interface CompletionTables {
  readonly all: readonly string[];
  readonly events: readonly string[];
}

type Value = { readonly kind: ValueKind; readonly choices?: readonly string[] };

const optionsOf = ({ options }: CommandDoc): readonly OptionDoc[] => [
  ...options,
  ...COMMON_OPTIONS,
];

function choicesOf({ kind, choices }: Value, tables: CompletionTables): readonly string[] {
  if (choices !== undefined) return choices;
  if (kind === 'table') return tables.all;
  return kind === 'event-table' ? tables.events : [];
}

/** In single quotes for a shell. */
const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

function bashValue(value: Value, tables: CompletionTables): string {
  const choices = choicesOf(value, tables);
  if (choices.length > 0) return `compgen -W ${quote(choices.join(' '))} -- "$word"`;
  if (value.kind === 'directory') return 'compgen -d -- "$word"';
  return value.kind === 'file' ? 'compgen -f -- "$word"' : ':';
}

function bashCommand(command: CommandDoc, tables: CompletionTables): string {
  const options = optionsOf(command);
  const values = options.flatMap(({ flag, value }) =>
    value === undefined ? [] : [`        ${flag}) answer=$(${bashValue(value, tables)}) ;;\n`],
  );
  const flags = options.map(({ flag }) => flag).join(' ');
  const argument = command.argument === undefined ? ':' : bashValue(command.argument, tables);
  return `    ${command.name})
      case $before in
${values.join('')}        *)
          case $word in
            -*) answer=$(compgen -W ${quote(flags)} -- "$word") ;;
            *) answer=$(${argument}) ;;
          esac
          ;;
      esac
      ;;
`;
}

/** A file for /usr/share/bash-completion/completions. */
export function bashCompletion(tables: CompletionTables): string {
  const names = COMMANDS.map(({ name }) => name).join(' ');
  return `# Completion of live_audit for bash. Written by \`npm run generate\`: do not edit.
_live_audit() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD - 1]} answer=
  case \${COMP_CWORD}:\${COMP_WORDS[1]} in
    1:*) answer=$(compgen -W ${quote(names)} -- "$word") ;;
    *) _live_audit_of "\${COMP_WORDS[1]}" ;;
  esac
  mapfile -t COMPREPLY <<<"$answer"
  [ -n "$answer" ] || COMPREPLY=()
}

_live_audit_of() {
  case $1 in
${COMMANDS.map((command) => bashCommand(command, tables)).join('')}  esac
}

complete -F _live_audit ${PROGRAM_NAMES.join(' ')}
`;
}

function zshValue(value: Value, tables: CompletionTables): string {
  const choices = choicesOf(value, tables);
  if (choices.length > 0) return `(${choices.join(' ')})`;
  if (value.kind === 'directory') return '_files -/';
  return value.kind === 'file' ? '_files' : ' ';
}

/** What \`_arguments\` would read as more than text. */
const zshText = (text: string): string => text.replace(/[[\]:\\]/g, '\\$&');

function zshCommand(command: CommandDoc, tables: CompletionTables): string {
  const specs = optionsOf(command).map(({ flag, value, text }) =>
    quote(
      `${flag}[${zshText(text)}]${value === undefined ? '' : `:${zshText(value.name)}:${zshValue(value, tables)}`}`,
    ),
  );
  if (command.argument !== undefined)
    specs.push(quote(`*:${command.argument.kind}:${zshValue(command.argument, tables)}`));
  return `    ${command.name})
      _arguments ${specs.join(' \\\n        ')}
      ;;
`;
}

/** A file for a directory of zsh's fpath. */
export function zshCompletion(tables: CompletionTables): string {
  const commands = COMMANDS.map(
    ({ name, summary }) => `    ${quote(`${name}:${zshText(summary)}`)}\n`,
  );
  return `#compdef ${PROGRAM_NAMES.join(' ')}
# Completion of live_audit for zsh. Written by \`npm run generate\`: do not edit.
_live_audit() {
  local -a commands=(
${commands.join('')}  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local name=$words[2]
  shift words
  (( CURRENT-- ))
  case $name in
${COMMANDS.map((command) => zshCommand(command, tables)).join('')}  esac
}

_live_audit "$@"
`;
}
