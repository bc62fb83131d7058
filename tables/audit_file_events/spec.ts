/** audit_file_events: what was done to files, from the kernel's audit records. */
import { defineTable, type RowOf } from '../../extension/sdk/spec.ts';
import { WHEN, WHO } from '../audit/columns.ts';

export const spec = defineTable({
  name: 'audit_file_events',
  description: 'What was done to files, as the kernel’s audit rules asked for it.',
  evented: true,
  notes: `The columns of osquery's process_file_events and more. The kernel records what audit rules ask for: without
a file watch or a rule for system calls that name files the table stays empty. \`live_audit.ext audit-rules\`
prints, checks and sets such rules.

What is recorded while no collector runs does not come here: \`lost_gap\` of live_audit_rings counts such events,
and \`live_audit.ext audit-parse\` reads those that auditd wrote down.

\`operation\` is open, open+truncate, read, write, close, rename, unlink, rmdir, link, symlink, mkdir, mknod,
truncate, chmod, chown, utime, setxattr or removexattr; for other system calls that name a file the name of the
system call. A watch (\`-w FILE -p wa\`) records the opening for writing, not each write: \`open_flags\` says
how a file was opened. read, write and close are recorded where a rule asks for those system calls; their
\`path\` is known if the opening was recorded too.`,
  columns: [
    ...WHEN,
    { name: 'operation', type: 'TEXT', push: 'equal', description: 'What was done, see above.' },
    {
      name: 'path',
      type: 'TEXT',
      description:
        'File that it was done to; of symlink what the link says. Relative if the directory that it begins at is not known, NULL if the file is not.',
    },
    {
      name: 'dest_path',
      type: 'TEXT',
      description: 'The new name: of rename, link and symlink. NULL for all else.',
    },
    {
      name: 'open_flags',
      type: 'TEXT',
      description: 'How it was opened: O_WRONLY|O_CREAT|O_TRUNC. NULL if it was not opened.',
    },
    { name: 'executable', type: 'TEXT', description: 'Program that did it.' },
    {
      name: 'cmdline',
      type: 'TEXT',
      description: 'Title of the process: its arguments, up to 128 bytes. NULL if not recorded.',
    },
    { name: 'cwd', type: 'TEXT', description: 'Working directory of the process.' },
    {
      name: 'partial',
      type: 'TEXT',
      description:
        'true if a part of the event is not known, such as where path begins; else false.',
    },
    {
      name: 'mode',
      type: 'TEXT',
      description: 'Type and permissions of the file, octal: 0100644. NULL if there was none.',
    },
    {
      name: 'inode',
      type: 'BIGINT',
      description: 'Inode number of the file. NULL if there was none.',
    },
    ...WHO,
  ],
  examples: [
    "SELECT time, auid, uid, executable, operation, path, dest_path FROM audit_file_events WHERE path LIKE '/etc/%' OR dest_path LIKE '/etc/%'",
    "SELECT path, open_flags, executable, pid FROM audit_file_events WHERE operation LIKE 'open%' AND success = 1 ORDER BY eid DESC LIMIT 20",
    'SELECT auid, executable, path FROM audit_file_events WHERE exit IN (-1, -13)',
  ],
});

export type FileRow = RowOf<typeof spec>;
