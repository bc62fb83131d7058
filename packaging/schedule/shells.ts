import { EVERY, type Pack, READS_NEW } from './pack.ts';

const SESSION = ['uid', 'auid', 'session_id', 'tty', 'pid', 'parent'];
const COMMAND = ['shell', 'command', 'expanded', 'exit_code', 'status', 'cwd'];
const ORIGIN = ['remote_address', 'remote_port', 'container_id'];

/** auid of processes that come from no login. */
const NO_LOGIN = 4294967295;

export const shells: Pack = {
  name: 'live-audit-shells',
  title: 'interactive shells',
  about: 'What was typed at the prompts of the machine.',
  tables: ['shell_history_live'],
  queries: [
    {
      kind: 'events',
      name: 'shell_commands',
      description: 'Commands typed at a prompt, with what came of them.',
      why: 'The first question after a break-in. `expanded` is there where history expansion changed the command, `auid` says who logged in whatever su and sudo came after, `remote_address` where the ssh session came from. What programs read (passwords) is never in it.',
      cost: `${READS_NEW} A row for each command: the busiest of these packs on machines with people on them.`,
      interval: EVERY.minute,
      table: 'shell_history_live',
      columns: [...SESSION, ...COMMAND, 'duration', ...ORIGIN],
      where: "source = 'prompt'",
    },
    {
      kind: 'events',
      name: 'killed_shells',
      description: 'Commands whose shell was killed, or replaced by another program.',
      why: 'A shell that ends itself with kill -9 $$ writes no history file, and exec leaves none either: both are usual ways to leave no trace.',
      cost: READS_NEW,
      interval: EVERY.fiveMinutes,
      table: 'shell_history_live',
      columns: [...SESSION, ...COMMAND, ...ORIGIN],
      where: "status IN ('killed', 'exec')",
    },
    {
      kind: 'events',
      name: 'history_tampering',
      description: 'Commands that switch off, empty or remove the history of a shell.',
      why: 'Few reasons for it are good. They are rows here because the capture does not use the history. A list of words, so it finds what is careless, not what is clever.',
      cost: READS_NEW,
      interval: EVERY.fiveMinutes,
      table: 'shell_history_live',
      columns: [...SESSION, ...COMMAND, ...ORIGIN],
      where:
        "(command LIKE '%HISTFILE%' OR command LIKE '%HISTSIZE%' OR command LIKE '%history -c%' OR command LIKE '%set +o history%' OR command LIKE '%.bash_history%' OR command LIKE '%.zsh_history%')",
    },
  ],
};

export const privileged: Pack = {
  name: 'live-audit-privileged',
  title: 'privileged sessions',
  about: 'What was done as root, and by whom.',
  tables: ['shell_history_live', 'audit_user_events'],
  queries: [
    {
      kind: 'events',
      name: 'root_commands_of_users',
      description: 'Commands typed in a root shell by somebody who logged in as another user.',
      why: '`auid` names the person behind `sudo -i` and `su`; join it with users.uid.',
      cost: READS_NEW,
      interval: EVERY.minute,
      table: 'shell_history_live',
      columns: [...SESSION, 'euid', ...COMMAND, ...ORIGIN],
      where: `euid = 0 AND auid NOT IN (0, ${NO_LOGIN})`,
    },
    {
      kind: 'events',
      name: 'root_commands_without_user',
      description: 'Commands typed in a root shell that no user can be named for.',
      why: 'auid 0 is a direct login as root, 4294967295 a shell that no login began: a web shell, a container’s exec, a service that was talked into a shell. Both are worth a look where people use sudo.',
      cost: READS_NEW,
      interval: EVERY.minute,
      table: 'shell_history_live',
      columns: [...SESSION, 'euid', ...COMMAND, ...ORIGIN],
      where: `euid = 0 AND auid IN (0, ${NO_LOGIN})`,
    },
    {
      kind: 'events',
      name: 'sudo_and_su',
      description: 'What sudo, su and pkexec told the kernel’s audit, refusals too.',
      why: 'The command that sudo ran is in `cmdline`. `result` failed is a wrong password or a rule of sudoers. Needs audit to be enabled (`auditctl -e 1`), no rule.',
      cost: READS_NEW,
      interval: EVERY.fiveMinutes,
      table: 'audit_user_events',
      columns: [
        'type_name',
        'operation',
        'account',
        'uid',
        'auid',
        'session_id',
        'pid',
        'path',
        'cmdline',
        'cwd',
        'terminal',
        'address',
        'result',
      ],
      where:
        "(path LIKE '%/sudo' OR path LIKE '%/su' OR path LIKE '%/pkexec') AND type_name IN ('USER_CMD', 'USER_AUTH', 'USER_ACCT', 'USER_START')",
    },
  ],
};
