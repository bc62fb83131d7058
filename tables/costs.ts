/** What each table costs, for its page: when capture costs something, and what asking does. Markdown. */

const MEMORY =
  'While the table is captured: 16 MiB of disk for its ring (`ring_bytes`) and 8 MiB of memory for the kernel’s (`kernel_ring_bytes`).';
const IDLE = 'Nothing where no such program runs: a probe that is not hit costs nothing.';
const ASKING =
  'A query reads the ring from its oldest event to its newest, about 0.5 µs a row, unless a condition on a column with an index narrows it: `range` columns stop at the range, `=, IN` columns leave out whole blocks that have none of the values.';
const AUDIT =
  'The kernel’s audit costs what its rules ask for, whoever listens: a rule on a busy system call slows every such call. Without rules the table costs nothing. The collector reads a million records in about 2 s of CPU ([benchmarks](../benchmarks.md)).';

/** Paragraphs by table. */
const COSTS: Readonly<Record<string, readonly string[]>> = {
  shell_history_live: [
    'A command typed at a prompt costs its shell about 31 µs of CPU more; loops, functions and scripts cost nothing, because no probe sits in them. A million commands cost the collector 2 to 3 s of CPU ([benchmarks](../benchmarks.md)). Sources other than the prompt are off until they are asked for; then their probes cost what scripts run.',
    IDLE,
    MEMORY,
    ASKING,
  ],
  postgres_queries: [
    'One record for each statement, at its end. Parameters are off until they are asked for, and have probes of their own.',
    'fingerprint and normalized are computed when a query asks for them, by PostgreSQL’s own parser, once for each distinct text: 0.07 ms of CPU a text ([benchmarks](../benchmarks.md#packs)). Narrow such a query by time or by consumer.',
    IDLE,
    MEMORY,
    ASKING,
  ],
  mysql_queries: [
    'One record for each command, at its end. Parameters are off until they are asked for, and have probes of their own.',
    'fingerprint, normalized and statement are computed when a query asks for them, once for each distinct text: 0.01 ms of CPU a text ([benchmarks](../benchmarks.md#packs)).',
    IDLE,
    MEMORY,
    ASKING,
  ],
  audit_process_events: [AUDIT, ASKING],
  audit_file_events: [AUDIT, ASKING],
  audit_user_events: [AUDIT, ASKING],
  audit_summary: [
    'Each query counts over the rings of audit_process_events and audit_file_events as a whole: ask it now and then, not each minute.',
  ],
  live_audit_probes: ['Reads one small file that the collector writes when something changes.'],
  live_audit_rings: ['Reads one page of memory for each ring.'],
};

/** @returns a section of a page, or nothing */
export function costSection(table: string): string {
  const paragraphs = COSTS[table] ?? [];
  return paragraphs.length === 0 ? '' : `\n## Cost\n\n${paragraphs.join('\n\n')}\n`;
}
