/** audit_process_events: programs that were run, from the kernel's audit records. */
import { defineTable, type RowOf } from '../../extension/sdk/spec.ts';
import { WHEN, WHO } from '../audit/columns.ts';

export const spec = defineTable({
  name: 'audit_process_events',
  description: 'Programs that were run, as the kernel’s audit rules asked for them.',
  evented: true,
  notes: `The columns of osquery's process_events and more. The kernel records what audit rules ask for: without a
rule for execve the table stays empty. \`live_audit.ext audit-rules\` prints, checks and sets the rules. auditd
may run beside us: we listen, and change nothing. Of processes that are older than the first time that audit was
on since boot, the kernel records only the children.

What is recorded while no collector runs does not come here: \`lost_gap\` of live_audit_rings counts such events,
and \`live_audit.ext audit-parse\` reads those that auditd wrote down.

\`syscall\` is execve or execveat. Another system call that a rule asks for, and that names no file, is a row
too (connect, with \`address\` and \`port\`): its \`path\` is the program that did it. For programs that were run
select \`syscall IN ('execve', 'execveat')\`.

\`env\`, \`atime\`, \`mtime\`, \`ctime\`, \`btime\` and \`overflows\` are there for queries that were written for
process_events, and NULL: audit records do not have them.`,
  columns: [
    ...WHEN,
    {
      name: 'path',
      type: 'TEXT',
      description:
        'Program that ran: of a script its interpreter. If execve failed, the file that it was asked to run.',
    },
    {
      name: 'cmdline',
      type: 'TEXT',
      description:
        'Arguments with spaces between them; where they were not recorded the title of the process. NULL if execve failed before it read them.',
    },
    {
      name: 'cwd',
      type: 'TEXT',
      description: 'Working directory of the process. NULL if not recorded.',
    },
    {
      name: 'mode',
      type: 'TEXT',
      description: 'Type and permissions of the file that was run, octal: 0100755.',
    },
    { name: 'owner_uid', type: 'BIGINT', description: 'Owner of the file that was run.' },
    { name: 'owner_gid', type: 'BIGINT', description: 'Group of the file that was run.' },
    { name: 'parent', type: 'BIGINT', description: 'The same as ppid.' },
    ...WHO,
    {
      name: 'address',
      type: 'TEXT',
      description:
        'Address that connect, bind, sendto and their like were about: IP, or path of a Unix socket (`@` before an abstract one). NULL for all else.',
    },
    { name: 'port', type: 'BIGINT', description: 'Port of that address. NULL without one.' },
    {
      name: 'cmdline_size',
      type: 'BIGINT',
      hidden: true,
      description: 'Length of the whole command line, bytes, also where cmdline was cut.',
    },
    { name: 'env', type: 'TEXT', hidden: true, description: 'NULL: not recorded.' },
    { name: 'env_count', type: 'BIGINT', hidden: true, description: 'NULL: not recorded.' },
    { name: 'env_size', type: 'BIGINT', hidden: true, description: 'NULL: not recorded.' },
    { name: 'atime', type: 'BIGINT', hidden: true, description: 'NULL: not recorded.' },
    { name: 'mtime', type: 'BIGINT', hidden: true, description: 'NULL: not recorded.' },
    { name: 'ctime', type: 'BIGINT', hidden: true, description: 'NULL: not recorded.' },
    { name: 'btime', type: 'BIGINT', hidden: true, description: 'NULL: not recorded.' },
    { name: 'overflows', type: 'TEXT', hidden: true, description: 'NULL: not recorded.' },
  ],
  examples: [
    "SELECT time, auid, uid, cmdline, cwd FROM audit_process_events WHERE key = 'procmon' ORDER BY eid DESC LIMIT 20",
    "SELECT auid, uid, path, count(*) AS runs FROM audit_process_events WHERE syscall IN ('execve', 'execveat') AND success = 1 GROUP BY auid, uid, path",
    'SELECT time, path, exit, cwd FROM audit_process_events WHERE success = 0',
  ],
});

export type ProcessRow = RowOf<typeof spec>;
