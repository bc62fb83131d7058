/** shell_history_live: what was typed into the shells, and what came of it. */
import { defineTable, type RowOf } from '../../extension/sdk/spec.ts';

export const spec = defineTable({
  name: 'shell_history_live',
  description: 'Commands typed into shells, as they were typed, with what came of them.',
  evented: true,
  notes: `A row is one command: what was typed up to the point where the shell asked for the next one, with
\`$?\` at that point. It appears when the command is over and never changes. A line that the shell read but
did not run (a comment, a syntax error, a failed history expansion, a multi-line command given up with
Ctrl-C) is a row too, with duration 0.

Input of programs is never captured: not what \`read\`, \`read -s\` and \`read -e\` read, and no password typed
into ssh, sudo or mysql.

Captured at a prompt, with exit code and duration: bash 4.4 to 5.3 (its own readline or libreadline.so, with and
without line editing and history), zsh 5.8 to 5.9 and fish 3. With exit_code NULL (their \`$?\` has no symbol): fish 4;
dash, and the ash of busybox, at a terminal, but for the command which ends the shell. Not captured: other shells. A bash or zsh without symbols (bash-static of Debian) is in live_audit_probes with what is missing and
what helps. fish and busybox only on x86-64.

\`bash -c\`, \`zsh -c\`, and the top-level commands of scripts that either reads from a file or from standard input are
rows where the config asks for them: \`{"shell": {"sources": ["prompt", "command_string", "script", "stdin"]}}\`. They are off by default, for a
machine runs many of them. The same key keeps or drops commands by pid, uid, auid and exit code.

Control characters but newline and tab are stored as \\xHH, byte by byte, like bytes that are not UTF-8. Secrets in
commands are replaced before they are stored, as the config says.

remote_address and remote_port are what SSH_CONNECTION says in the environment of the session's leader, so
whoever starts a session of his own can make them up. container_id is that of the cgroup.`,
  columns: [
    {
      name: 'eid',
      type: 'BIGINT',
      push: 'range',
      description:
        'Number of the event in this table, in the order in which commands ended. Never used again; without gaps unless a loss is recorded in live_audit_rings.',
    },
    {
      name: 'time',
      type: 'BIGINT',
      push: 'range',
      description: 'When the command began. Unix time, s.',
    },
    {
      name: 'time_ns',
      type: 'BIGINT',
      push: 'range',
      description: 'When the command began. Unix time, ns.',
    },
    {
      name: 'uptime',
      type: 'BIGINT',
      description: 'When the command began: time since boot, suspend included, s.',
    },
    {
      name: 'shell',
      type: 'TEXT',
      push: 'equal',
      description: 'Which shell: bash, zsh, sh or fish.',
    },
    { name: 'shell_path', type: 'TEXT', description: 'Path of the shell that ran.' },
    {
      name: 'source',
      type: 'TEXT',
      description: 'Where the command came from: prompt, command_string (-c), script or stdin.',
    },
    {
      name: 'command',
      type: 'TEXT',
      description:
        'What was typed, lines joined by newlines; behind `fc` of bash what its editor gave. Control characters and bytes that are not UTF-8 are shown as \\xHH. NULL if it could not be read.',
    },
    {
      name: 'command_length',
      type: 'BIGINT',
      description: 'Length of what was typed, bytes, also where command was cut.',
    },
    {
      name: 'truncated',
      type: 'INTEGER',
      description: '1 if command is not the whole text that was typed, else 0.',
    },
    {
      name: 'expanded',
      type: 'TEXT',
      description:
        'The command after history expansion (!!, !$, ^a^b), or what `r` and `fc` of zsh ran; NULL if it is the same.',
    },
    {
      name: 'exit_code',
      type: 'INTEGER',
      description:
        '$? when the shell asked for the next command; of a shell that ended, what its parent sees (128 + signal if killed). NULL if not known.',
    },
    {
      name: 'duration',
      type: 'BIGINT',
      description: 'From begin to end, ns; 0 if nothing was run. NULL if not known.',
    },
    {
      name: 'status',
      type: 'TEXT',
      description:
        'done; killed: a signal ended the shell; exec: another program replaced the shell; running at exit: capture ended before the command did.',
    },
    {
      name: 'pid',
      type: 'BIGINT',
      push: 'equal',
      description: 'Process of the shell, as the host numbers it.',
    },
    { name: 'parent', type: 'BIGINT', description: 'Parent process of the shell.' },
    { name: 'uid', type: 'BIGINT', push: 'equal', description: 'Real user of the shell.' },
    { name: 'euid', type: 'BIGINT', description: 'Effective user of the shell.' },
    { name: 'gid', type: 'BIGINT', description: 'Real group of the shell.' },
    {
      name: 'auid',
      type: 'BIGINT',
      push: 'equal',
      description:
        'Audit user: who logged in, kept over su and sudo. 4294967295 if the process comes from no login.',
    },
    {
      name: 'session_id',
      type: 'BIGINT',
      description: 'Audit session of the login. 4294967295 if the process comes from no login.',
    },
    {
      name: 'tty',
      type: 'TEXT',
      push: 'equal',
      description: 'Terminal as the kernel names it, such as pts0. NULL without one.',
    },
    {
      name: 'cwd',
      type: 'TEXT',
      description:
        'Working directory when the command was typed, as the shell sees it (inside its own root). NULL if not known.',
    },
    {
      name: 'remote_address',
      type: 'TEXT',
      description: 'Where the ssh session came from. NULL for local sessions.',
    },
    {
      name: 'remote_port',
      type: 'INTEGER',
      description: 'Port of the ssh client. NULL for local sessions.',
    },
    {
      name: 'cgroup_id',
      type: 'BIGINT',
      description: 'Id of the shell’s cgroup (version 2 hierarchy).',
    },
    {
      name: 'container_id',
      type: 'TEXT',
      description: 'Id of the container that the shell runs in. NULL outside of containers.',
    },
    {
      name: 'pid_namespace',
      type: 'BIGINT',
      description: 'Inode number of the shell’s pid namespace, as in /proc/PID/ns/pid.',
    },
  ],
  examples: [
    'SELECT time, uid, command, exit_code, cwd FROM shell_history_live ORDER BY eid DESC LIMIT 20',
    'SELECT auid, uid, command FROM shell_history_live WHERE uid = 0 AND auid NOT IN (0, 4294967295)',
    'SELECT command, duration / 1000000000.0 AS seconds FROM shell_history_live WHERE exit_code <> 0 AND time > unixepoch() - 3600',
  ],
});

export type ShellRow = RowOf<typeof spec>;
