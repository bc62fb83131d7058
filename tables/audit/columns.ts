/** Columns that all tables of audit events have. Before them are when, behind them who. */
import type { ColumnSpec } from '../../extension/sdk/spec.ts';

export const WHEN = [
  {
    name: 'eid',
    type: 'BIGINT',
    push: 'range',
    description:
      'Number of the event in this table, in the order in which events were whole. Never used again; without gaps unless a loss is recorded in live_audit_rings.',
  },
  {
    name: 'time',
    type: 'BIGINT',
    push: 'range',
    description: 'When the kernel recorded it. Unix time, s.',
  },
  {
    name: 'time_ns',
    type: 'BIGINT',
    push: 'range',
    description: 'When the kernel recorded it: ms, as that is all that it says. Unix time, ns.',
  },
  {
    name: 'uptime',
    type: 'BIGINT',
    description:
      'When the kernel recorded it: time since boot, suspend included, s. NULL for events from a file.',
  },
  {
    name: 'serial',
    type: 'BIGINT',
    description:
      'Serial number of the audit event: with time it names it, as `ausearch -a` does. Rolls over at 2^32.',
  },
] as const satisfies readonly ColumnSpec[];

export const WHO = [
  { name: 'pid', type: 'BIGINT', push: 'equal', description: 'Process that did it.' },
  { name: 'ppid', type: 'BIGINT', description: 'Parent of the process.' },
  {
    name: 'auid',
    type: 'BIGINT',
    push: 'equal',
    description:
      'Audit user: who logged in, kept over su and sudo. 4294967295 if the process comes from no login.',
  },
  { name: 'uid', type: 'BIGINT', push: 'equal', description: 'Real user.' },
  { name: 'gid', type: 'BIGINT', description: 'Real group.' },
  { name: 'euid', type: 'BIGINT', description: 'Effective user.' },
  { name: 'egid', type: 'BIGINT', description: 'Effective group.' },
  { name: 'fsuid', type: 'BIGINT', description: 'User for access to files.' },
  { name: 'fsgid', type: 'BIGINT', description: 'Group for access to files.' },
  { name: 'suid', type: 'BIGINT', description: 'Saved user.' },
  { name: 'sgid', type: 'BIGINT', description: 'Saved group.' },
  {
    name: 'session_id',
    type: 'BIGINT',
    description: 'Audit session of the login. 4294967295 if the process comes from no login.',
  },
  {
    name: 'tty',
    type: 'TEXT',
    description: 'Terminal as the kernel names it, such as pts0. NULL without one.',
  },
  {
    name: 'comm',
    type: 'TEXT',
    description: 'Name of the thread, at most 15 bytes; after execve that of the new program.',
  },
  {
    name: 'key',
    type: 'TEXT',
    push: 'equal',
    description:
      'Key of the audit rule that asked for the event; several with commas between them. NULL without one.',
  },
  {
    name: 'syscall',
    type: 'TEXT',
    push: 'equal',
    description:
      'Name of the system call on the machine that arch says; its number where that has no name. NULL if the event is of none.',
  },
  {
    name: 'arch',
    type: 'TEXT',
    description:
      'Machine of the system call: x86_64, i386, aarch64 or arm, others as the hexadecimal number of AUDIT_ARCH.',
  },
  {
    name: 'success',
    type: 'INTEGER',
    description: '1 if the system call succeeded, 0 if it failed. NULL if not known.',
  },
  {
    name: 'exit',
    type: 'BIGINT',
    description: 'What the system call returned: a negative errno if it failed.',
  },
  {
    name: 'argv',
    type: 'TEXT',
    description: 'Arguments of the program, a JSON array. NULL if not known.',
  },
  {
    name: 'container_id',
    type: 'TEXT',
    description:
      'Id of the container that the process runs in. NULL outside of containers, and where the process was gone before it could be asked.',
  },
  {
    name: 'truncated',
    type: 'INTEGER',
    description: '1 if a text was cut or a record of the event did not come whole, else 0.',
  },
] as const satisfies readonly ColumnSpec[];

/** The place of each of those columns in a table's rows. */
export type CommonPlaces = {
  readonly [C in (typeof WHEN | typeof WHO)[number]['name']]: number;
};
