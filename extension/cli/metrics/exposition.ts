/** The ledger as Prometheus metrics. */
import type * as PromClient from 'prom-client';
import { count, objects, type Status, word } from '../status/state.ts';

const PREFIX = 'live_audit_';
const STATES = ['attached', 'waiting', 'failed'] as const;

export interface Exposition {
  /** Of the text format. */
  readonly contentType: string;
  text(status: Status): Promise<string>;
}

/** prom-client is loaded when metrics are switched on, and not at every start. */
export async function createExposition(): Promise<Exposition> {
  const client = await import('prom-client');
  const registry = new client.Registry();
  const metrics = define(client, registry);
  return {
    contentType: registry.contentType,
    text: (status) => {
      fill(metrics, status);
      return registry.metrics();
    },
  };
}

type Metrics = ReturnType<typeof define>;

function define({ Counter, Gauge }: typeof PromClient, registry: PromClient.Registry) {
  const registers = [registry];
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[]) =>
    new Counter({ name: `${PREFIX}${name}`, help, labelNames, registers });
  const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[]) =>
    new Gauge({ name: `${PREFIX}${name}`, help, labelNames, registers });
  return {
    seen: counter('events_seen_total', 'Events that began.', ['table']),
    stored: counter('events_stored_total', 'Events that were stored.', ['table']),
    lost: counter('events_lost_total', 'Events that were lost, by reason.', ['table', 'reason']),
    overwritten: counter(
      'events_overwritten_total',
      'Stored events whose place newer ones have taken.',
      ['table'],
    ),
    capacity: gauge('ring_capacity_bytes', 'Size of the ring.', ['table']),
    used: gauge('ring_used_bytes', 'How much of the ring holds events.', ['table']),
    oldest: gauge(
      'ring_oldest_event_timestamp_seconds',
      'Begin of the oldest event that the ring holds.',
      ['table'],
    ),
    readers: gauge('readers', 'Processes that have the rings open to read.', []),
    probes: gauge('probes', 'Probes, by state.', ['table', 'state']),
    info: gauge('build_info', 'Always 1; the version is a label.', ['version']),
  };
}

/** Counters are totals of the ledger, which outlives this process: set, not counted up. */
function fill(metrics: Metrics, status: Status): void {
  for (const metric of Object.values(metrics)) metric.reset();
  metrics.info.set({ version: status.version }, 1);
  let readers = 0;
  for (const ring of objects(status.rings)) {
    const table = word(ring, 'table_name');
    metrics.seen.inc({ table }, count(ring, 'events_seen'));
    metrics.stored.inc({ table }, count(ring, 'events_stored'));
    metrics.overwritten.inc({ table }, count(ring, 'overwritten'));
    for (const name of Object.keys(ring))
      if (name.startsWith('lost_'))
        metrics.lost.inc({ table, reason: name.slice('lost_'.length) }, count(ring, name));
    metrics.capacity.set({ table }, count(ring, 'capacity'));
    metrics.used.set({ table }, count(ring, 'used'));
    if (ring.oldest_time !== null) metrics.oldest.set({ table }, count(ring, 'oldest_time'));
    readers = Math.max(readers, count(ring, 'readers'));
    // A table without probes has none in each state: an alert on a missing series is hard to write.
    for (const state of STATES) metrics.probes.set({ table, state }, 0);
  }
  metrics.readers.set(readers);
  for (const probe of objects(status.probes))
    metrics.probes.inc({ table: word(probe, 'table_name'), state: word(probe, 'state') });
}
