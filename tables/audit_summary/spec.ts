/** audit_summary: who did what how often, counted over the audit tables when it is asked. */
import { defineTable, type RowOf } from '../../extension/sdk/spec.ts';

export const spec = defineTable({
  name: 'audit_summary',
  description:
    'System calls, commands and files by user and process, with how often: a report over the audit tables.',
  evented: false,
  notes: `Counted over audit_process_events and audit_file_events as they are when it is asked, so it goes as far back
as they do. One row per auid, uid, pid, kind and name; sum over pid for a report by user:
packaging/queries/audit_report.sql prints it whole. Each event counts once as a syscall; a program that was run
once as a command; an operation on a file once as a file, under the name that it was done to (and the new name
of rename, link and symlink).`,
  columns: [
    {
      name: 'auid',
      type: 'BIGINT',
      description:
        'Audit user: who logged in, kept over su and sudo. 4294967295 if the process comes from no login.',
    },
    { name: 'uid', type: 'BIGINT', description: 'Real user.' },
    { name: 'pid', type: 'BIGINT', description: 'Process.' },
    { name: 'kind', type: 'TEXT', description: 'syscall, command or file.' },
    {
      name: 'name',
      type: 'TEXT',
      description: 'Name of the system call, path of the program, or path of the file.',
    },
    { name: 'count', type: 'BIGINT', description: 'How often.' },
    { name: 'first_time', type: 'BIGINT', description: 'When first. Unix time, s.' },
    { name: 'last_time', type: 'BIGINT', description: 'When last. Unix time, s.' },
  ],
  examples: [
    'SELECT auid, uid, kind, name, sum(count) AS count FROM audit_summary GROUP BY auid, uid, kind, name ORDER BY auid, uid, kind, count DESC',
    "SELECT name, sum(count) AS count, max(last_time) AS last_time FROM audit_summary WHERE kind = 'file' GROUP BY name ORDER BY count DESC LIMIT 20",
    "SELECT kind, name, count FROM audit_summary WHERE pid = 1 AND kind <> 'syscall'",
  ],
});

export type SummaryRow = RowOf<typeof spec>;
