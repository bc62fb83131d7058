/** audit_user_events: logins, sessions, changes of accounts, and what else programs tell the kernel's audit. */
import { defineTable, type RowOf } from '../../extension/sdk/spec.ts';
import { WHEN, WHO } from '../audit/columns.ts';

export const spec = defineTable({
  name: 'audit_user_events',
  description:
    'Logins, sessions, changes of accounts and other messages of programs and of the kernel in its audit records.',
  evented: true,
  notes: `The columns of osquery's user_events and more. sshd, login, sudo, su, cron, useradd and systemd send such
messages once audit is enabled; no rule is needed. So are the messages of the kernel rows that are no system
call: LOGIN, CONFIG_CHANGE, SECCOMP, ANOM_PROMISCUOUS, AVC and so on; \`type\` and \`type_name\` tell them apart.

What is recorded while no collector runs does not come here: \`lost_gap\` of live_audit_rings counts such events,
and \`live_audit.ext audit-parse\` reads those that auditd wrote down.

Who sent a message (pid, uid, auid, session_id) is what the kernel says; what is in \`message\` is what the
program says. Of the other columns of process and file events those are there that the event has.`,
  columns: [
    ...WHEN,
    {
      name: 'type',
      type: 'BIGINT',
      push: 'equal',
      description: 'Type of the record: 1112 for USER_LOGIN.',
    },
    {
      name: 'type_name',
      type: 'TEXT',
      push: 'equal',
      description: 'Name of the type; UNKNOWN[1999] if it has none.',
    },
    {
      name: 'message',
      type: 'TEXT',
      description: 'What the program sent; of the kernel’s own records the whole text.',
    },
    { name: 'operation', type: 'TEXT', description: 'What was done: login, PAM:authentication.' },
    {
      name: 'account',
      type: 'TEXT',
      push: 'equal',
      description: 'Account that it is about, as the program says it.',
    },
    {
      name: 'path',
      type: 'TEXT',
      description: 'Program that sent it. NULL if not recorded.',
    },
    {
      name: 'hostname',
      type: 'TEXT',
      description: 'Host that the user comes from. NULL if local.',
    },
    { name: 'address', type: 'TEXT', description: 'Address of that host. NULL if local.' },
    {
      name: 'terminal',
      type: 'TEXT',
      description: 'Terminal as the program says it: ssh, /dev/pts/0, cron. NULL without one.',
    },
    {
      name: 'result',
      type: 'TEXT',
      push: 'equal',
      description: 'success or failed. NULL if not said.',
    },
    {
      name: 'cmdline',
      type: 'TEXT',
      description:
        'Command that the message is about (sudo), or else of the process. NULL if not recorded.',
    },
    { name: 'cwd', type: 'TEXT', description: 'Working directory. NULL if not recorded.' },
    ...WHO,
  ],
  examples: [
    "SELECT time, account, address, terminal, result FROM audit_user_events WHERE type_name = 'USER_LOGIN' ORDER BY eid DESC LIMIT 20",
    "SELECT account, address, count(*) AS failures FROM audit_user_events WHERE type_name = 'USER_AUTH' AND result = 'failed' GROUP BY account, address",
    "SELECT time, auid, message FROM audit_user_events WHERE type_name = 'CONFIG_CHANGE'",
  ],
});

export type UserRow = RowOf<typeof spec>;
