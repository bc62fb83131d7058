/** The command line as data: the one source of `help`, the man page and the completion of shells. */

/** What may stand for a value, for completion. */
export type ValueKind = 'file' | 'directory' | 'text' | 'event-table' | 'table';

export interface OptionDoc {
  /** With its hyphens. */
  readonly flag: string;
  /** Its value; none for a switch. */
  readonly value?: {
    readonly name: string;
    readonly kind: ValueKind;
    readonly choices?: readonly string[];
  };
  /** One sentence. */
  readonly text: string;
}

export interface CommandDoc {
  readonly name: string;
  /** One line, in the present tense. */
  readonly summary: string;
  /** How it is called, after the program's name; each with what it does where that differs. */
  readonly usage: readonly (readonly [call: string, does: string])[];
  /** What arguments are, for completion. */
  readonly argument?: { readonly kind: ValueKind; readonly choices?: readonly string[] };
  readonly options: readonly OptionDoc[];
  /** More for the man page, in sentences. */
  readonly more?: readonly string[];
}

export const PROGRAM = 'live_audit.ext';

const FORMATS: readonly OptionDoc[] = [
  { flag: '--table', text: 'A table (what comes without a format).' },
  { flag: '--json', text: 'One JSON array of objects; integers are numbers, NULL is null.' },
  { flag: '--csv', text: 'Comma-separated values (RFC 4180).' },
  { flag: '--line', text: 'A line for each column, a block for each row.' },
];

export const COMMON_OPTIONS: readonly (OptionDoc & {
  readonly variable: string;
  readonly otherwise: string;
})[] = [
  {
    flag: '--state-dir',
    value: { name: 'DIR', kind: 'directory' },
    text: 'Rings and lock.',
    variable: 'LIVE_AUDIT_STATE_DIR',
    otherwise: '/run/live-audit',
  },
  {
    flag: '--config',
    value: { name: 'FILE', kind: 'file' },
    text: 'Settings.',
    variable: 'LIVE_AUDIT_CONFIG',
    otherwise: '/etc/live-audit/config.json',
  },
];

/** Without a command: what osqueryd calls. */
export const EXTENSION: CommandDoc = {
  name: '',
  summary: 'serve the tables to osquery, and collect if nobody does',
  usage: [
    [
      '--socket S [--timeout N] [--interval N] [--verbose]',
      'serve the tables to osquery, and collect if nobody does',
    ],
  ],
  options: [
    {
      flag: '--socket',
      value: { name: 'S', kind: 'file' },
      text: 'osquery’s extension socket.',
    },
    {
      flag: '--timeout',
      value: { name: 'N', kind: 'text' },
      text: 'Seconds to wait for the socket at the start.',
    },
    {
      flag: '--interval',
      value: { name: 'N', kind: 'text' },
      text: 'Seconds between looks whether osquery is still there.',
    },
    { flag: '--verbose', text: 'Log more.' },
  ],
  more: [
    'osqueryd may give other flags: those that are not known are named in the log and ignored.',
  ],
};

export const COMMANDS: readonly CommandDoc[] = [
  {
    name: 'collect',
    summary: 'collect, without osquery',
    usage: [
      ['collect [--metrics-file FILE]', 'collect, without osquery; capture goes on when it stops'],
      ['collect --release', 'end what a stopped collector left capturing'],
    ],
    options: [
      {
        flag: '--metrics-file',
        value: { name: 'FILE', kind: 'file' },
        text: 'Write the ledger for Prometheus there, as the config key metrics.file says.',
      },
      {
        flag: '--release',
        text: 'Remove all pins of the state directory, so that nothing is captured any more.',
      },
    ],
    more: [
      'Whoever takes the lock in the state directory collects; every other process reads the same rings.',
      'SIGHUP reads the config again, SIGTERM and SIGINT stop.',
    ],
  },
  {
    name: 'query',
    summary: 'ask the tables with the built-in SQLite',
    usage: [
      ['query [--json|--csv|--line|--table] "SQL"', 'ask the tables with the built-in SQLite'],
    ],
    options: FORMATS,
    more: ['Several statements may be given; the rows are those of the last that has columns.'],
  },
  {
    name: 'tail',
    summary: 'follow new events',
    usage: [
      ['tail TABLE [--where "SQL"] [--columns A,B,…] [--last N] [--json]', 'follow new events'],
    ],
    argument: { kind: 'event-table' },
    options: [
      {
        flag: '--where',
        value: { name: 'SQL', kind: 'text' },
        text: 'Only events for which this condition holds: "uid = 0 AND exit_code <> 0".',
      },
      {
        flag: '--columns',
        value: { name: 'A,B,…', kind: 'text' },
        text: 'Which columns to show, in this order.',
      },
      {
        flag: '--last',
        value: { name: 'N', kind: 'text' },
        text: 'Begin with the N newest events that are stored.',
      },
      { flag: '--json', text: 'An object a line, with all columns unless --columns says which.' },
    ],
    more: [
      'On a terminal lines are cut to its width and coloured; NO_COLOR in the environment keeps them plain. Control characters of texts are always shown escaped.',
    ],
  },
  {
    name: 'status',
    summary: 'what is attached; what was seen, stored and lost',
    usage: [['status [--all] [--json]', 'what is attached; what was seen, stored and lost']],
    options: [
      { flag: '--all', text: 'Each probe, not only each program.' },
      { flag: '--json', text: 'The same as one JSON object.' },
    ],
  },
  {
    name: 'specs',
    summary: 'the tables and their columns',
    usage: [
      ['specs [--format json|fleet|launcher|markdown] [TABLE…]', 'the tables and their columns'],
    ],
    argument: { kind: 'table' },
    options: [
      {
        flag: '--format',
        value: { name: 'FORMAT', kind: 'text', choices: ['json', 'fleet', 'launcher', 'markdown'] },
        text: 'As they are (json), as Fleet’s schema (fleet), as the specs of Kolide’s launcher (launcher), or as documentation (markdown).',
      },
    ],
  },
  {
    name: 'audit-rules',
    summary: 'the audit rules that fill the audit tables',
    usage: [
      [
        'audit-rules [--check|--print|--apply]',
        'the audit rules that fill the audit tables; only --apply sets them',
      ],
    ],
    options: [
      {
        flag: '--check',
        text: 'Say which are there and which are missing (what comes without an option).',
      },
      { flag: '--print', text: 'Print them as a file for /etc/audit/rules.d.' },
      { flag: '--apply', text: 'Add the missing ones until the next boot; none is taken away.' },
    ],
  },
  {
    name: 'audit-parse',
    summary: 'the audit tables over files of auditd',
    usage: [
      ['audit-parse [--only TABLE] FILE…', 'the audit tables over files of auditd, as JSON'],
      ['audit-parse --sql "SQL" [--json|--csv|--line|--table] FILE…', 'ask these tables'],
    ],
    argument: { kind: 'file' },
    options: [
      {
        flag: '--only',
        value: {
          name: 'TABLE',
          kind: 'text',
          choices: ['audit_process_events', 'audit_file_events', 'audit_user_events'],
        },
        text: 'Only the events of this table.',
      },
      {
        flag: '--no-redact',
        text: 'Leave secrets in command lines where they are; also `"redaction": {"on": false}` of the config.',
      },
      { flag: '--sql', value: { name: 'SQL', kind: 'text' }, text: 'SQL over the tables.' },
      ...FORMATS,
    ],
  },
  {
    name: 'completion',
    summary: 'completion of these commands for a shell',
    usage: [['completion bash|zsh', 'completion of these commands for a shell']],
    argument: { kind: 'text', choices: ['bash', 'zsh'] },
    options: [],
    more: [
      'For bash put the output into /usr/share/bash-completion/completions, for zsh into a directory of fpath, under the names that it gives.',
    ],
  },
  { name: 'version', summary: 'the version', usage: [['version', 'the version']], options: [] },
  { name: 'help', summary: 'this text', usage: [['help', 'this text']], options: [] },
];

export const EXIT_CODES: readonly (readonly [code: number, meaning: string])[] = [
  [0, 'done'],
  [1, 'failed'],
  [2, 'wrong use'],
];
