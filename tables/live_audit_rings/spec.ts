/** live_audit_rings: the ledger. */
import { defineTable } from '../../extension/sdk/spec.ts';

const lost = (reason: string, description: string) =>
  ({ name: `lost_${reason}`, type: 'BIGINT', description }) as const;

export const spec = defineTable({
  name: 'live_audit_rings',
  description: 'The ring file of each event table, and its ledger: events seen, stored and lost.',
  evented: false,
  notes: `events_seen = events_stored + the sum of all lost_ columns, but for the events that are going on at
this moment. What \`overwritten\` counts was stored and read before newer events took its place.`,
  columns: [
    { name: 'table_name', type: 'TEXT', description: 'Event table.' },
    { name: 'capacity', type: 'BIGINT', description: 'Size of the ring, bytes.' },
    { name: 'used', type: 'BIGINT', description: 'How much of it holds events, bytes.' },
    {
      name: 'oldest_time',
      type: 'BIGINT',
      description: 'Begin of the oldest event that is held. Unix time, s. NULL if there is none.',
    },
    { name: 'events_seen', type: 'BIGINT', description: 'Events that began.' },
    { name: 'events_stored', type: 'BIGINT', description: 'Events that were stored.' },
    {
      name: 'overwritten',
      type: 'BIGINT',
      description: 'Stored events whose place newer ones have taken.',
    },
    lost('reserve', 'Events lost because the kernel’s ring buffer was full.'),
    lost('read', 'Events lost because the process’s memory could not be read.'),
    lost('state', 'Events lost because too many processes were followed at once.'),
    lost('decode', 'Events lost because a record made no sense.'),
    lost('incomplete', 'Events lost because a part of them never came.'),
    lost(
      'redaction',
      'Texts lost because their secrets could not be told: the event is stored without the text, so this is no part of the sum.',
    ),
    lost('store', 'Events lost because the ring file did not take them.'),
    lost(
      'kernel',
      'Records that the kernel itself says it lost before we could see them. Of the audit tables each counts all of them: nobody knows whose they were.',
    ),
    lost(
      'gap',
      'Audit events that the kernel numbered and that did not come, also while nobody collected. Each audit table counts all of them: nobody knows whose they were.',
    ),
    {
      name: 'readers',
      type: 'BIGINT',
      description: 'Processes that have the rings of this state directory open to read.',
    },
  ],
  examples: [
    'SELECT table_name, events_seen, events_stored, overwritten, lost_reserve FROM live_audit_rings',
  ],
});
