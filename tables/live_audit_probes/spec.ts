/** live_audit_probes: what is attached where, and how it does. */
import { defineTable } from '../../extension/sdk/spec.ts';

export const spec = defineTable({
  name: 'live_audit_probes',
  description: 'The probes of live_audit: one row per table, target binary and hook.',
  evented: false,
  notes: `Empty when no collector runs. A row whose target is empty is about the table as a whole: last_error
says what is missing (a capability, BTF, a kernel option) and how to get it.`,
  columns: [
    {
      name: 'table_name',
      type: 'TEXT',
      description: 'Table that the probe’s events go to.',
    },
    {
      name: 'target',
      type: 'TEXT',
      description: 'Path by which the host opens that very binary, so possibly under /proc/PID.',
    },
    { name: 'build_id', type: 'TEXT', description: 'Build id of the binary. NULL without one.' },
    { name: 'symbol', type: 'TEXT', description: 'Function that the probe sits in.' },
    { name: 'hook', type: 'TEXT', description: 'entry or return of the function.' },
    { name: 'offset', type: 'BIGINT', description: 'Where the probe sits in the file, bytes.' },
    { name: 'state', type: 'TEXT', description: 'attached, waiting or failed.' },
    {
      name: 'hits',
      type: 'BIGINT',
      description: 'How often it fired since it was attached, up to a second ago.',
    },
    {
      name: 'lost',
      type: 'BIGINT',
      description:
        'Records of this hook that found no room in the kernel’s ring buffer, while this probe has been attached.',
    },
    {
      name: 'last_event_time',
      type: 'BIGINT',
      description: 'When it fired last. Unix time, s. NULL if never.',
    },
    {
      name: 'last_error',
      type: 'TEXT',
      description: 'What is wrong with it and what helps. NULL if nothing is.',
    },
  ],
  examples: [
    "SELECT target, symbol, state, last_error FROM live_audit_probes WHERE state <> 'attached'",
  ],
});
