import fs from 'node:fs';
import { EVERY, type Pack, READS_NEW } from './pack.ts';

/** A shipped query as one line of SQL. Tasks and tests run in the repository's root. */
function shipped(name: string): string {
  const file = `packaging/queries/${name}.sql`;
  return fs
    .readFileSync(file, 'utf8')
    .replace(/\/\*[\s\S]*?\*\//g, ' ')
    .replace(/\s+/g, ' ')
    .replace(/;\s*$/, '')
    .trim();
}

export const audit: Pack = {
  name: 'live-audit-report',
  title: 'audit report',
  about:
    'What the kernel’s audit recorded. Its rules decide what that is: `live_audit.ext audit-rules` prints and sets those that fill the tables.',
  tables: ['audit_summary', 'audit_user_events'],
  queries: [
    {
      kind: 'snapshot',
      name: 'audit_report',
      description: 'For each user each system call, command and file, with how often.',
      why: 'The report that log scripts print at night. Counted over what the rings of the audit tables hold, so it goes as far back as they do. For a hand-made one see packaging/queries/audit_report.sql.',
      cost: 'Reads the rings of audit_process_events and audit_file_events whole, once a day.',
      interval: EVERY.day,
      sql: shipped('audit_report'),
    },
    {
      kind: 'events',
      name: 'logins',
      description: 'Logins and failed authentications, as programs tell the kernel’s audit.',
      why: 'Many failures of one address and then a success is a password that was guessed. Needs audit to be enabled, no rule.',
      cost: READS_NEW,
      interval: EVERY.fiveMinutes,
      table: 'audit_user_events',
      columns: [
        'type_name',
        'account',
        'uid',
        'auid',
        'session_id',
        'path',
        'address',
        'hostname',
        'terminal',
        'result',
      ],
      where: "(type_name = 'USER_LOGIN' OR (type_name = 'USER_AUTH' AND result = 'failed'))",
    },
    {
      kind: 'events',
      name: 'audit_changes',
      description: 'Changes of the audit rules and of accounts.',
      why: 'Who wants to stay unseen switches audit off first. Account changes come from useradd, passwd and their kin.',
      cost: READS_NEW,
      interval: EVERY.fiveMinutes,
      table: 'audit_user_events',
      columns: ['type_name', 'operation', 'account', 'uid', 'auid', 'path', 'message', 'result'],
      where:
        "type_name IN ('CONFIG_CHANGE', 'ADD_USER', 'DEL_USER', 'ADD_GROUP', 'DEL_GROUP', 'USER_CHAUTHTOK', 'USER_MGMT', 'GRP_MGMT')",
    },
  ],
};

export const health: Pack = {
  name: 'live-audit-health',
  title: 'health',
  about:
    'Whether the capture itself works: a machine that is silent should be silent for a reason.',
  tables: ['live_audit_rings', 'live_audit_probes'],
  queries: [
    {
      kind: 'changes',
      name: 'capture_losses',
      description: 'Losses of each event table, by reason; a row when one has grown.',
      why: 'Zero rows is the rule. lost_reserve wants a larger kernel_ring_bytes, lost_store a larger ring_bytes; see docs/tables/live_audit_rings.md.',
      cost: 'Reads one page for each table.',
      interval: EVERY.fiveMinutes,
      sql: 'SELECT table_name, lost_reserve, lost_read, lost_state, lost_decode, lost_incomplete, lost_redaction, lost_store, lost_kernel, lost_gap FROM live_audit_rings WHERE lost_reserve + lost_read + lost_state + lost_decode + lost_incomplete + lost_redaction + lost_store + lost_kernel + lost_gap > 0',
    },
    {
      kind: 'changes',
      name: 'capture_troubles',
      description: 'Probes that are not attached, and what is in their way.',
      why: 'A server that was built without the symbols, a missing capability, a kernel without BTF: last_error says what helps.',
      cost: 'Reads a small file.',
      interval: EVERY.fiveMinutes,
      sql: "SELECT table_name, target, symbol, state, last_error FROM live_audit_probes WHERE state <> 'attached' OR last_error IS NOT NULL",
    },
    {
      kind: 'snapshot',
      name: 'capture_totals',
      description: 'Events seen, stored and overwritten of each table.',
      why: 'A sign of life, and how far back the rings go.',
      cost: 'Reads one page for each table.',
      interval: EVERY.hour,
      sql: 'SELECT table_name, events_seen, events_stored, overwritten, oldest_time, used, capacity, readers FROM live_audit_rings',
    },
  ],
};
