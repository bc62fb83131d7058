/** All tables: what the extension serves, `query` reads, and the documents describe. */
import type { Table } from '../extension/sdk/context.ts';
import type { TableSpec } from '../extension/sdk/spec.ts';
import { audit } from './audit/source.ts';
import { spec as summarySpec } from './audit_summary/spec.ts';
import { summaryTable } from './audit_summary/table.ts';
import type { Capture } from './collector/capture.ts';
import type { ProbeState } from './collector/probe-state.ts';
import type { Source } from './collector/source.ts';
import { withConsumer } from './consumers.ts';
import { EventTable } from './event-table.ts';
import { spec as probesSpec } from './live_audit_probes/spec.ts';
import { probesTable } from './live_audit_probes/table.ts';
import { spec as ringsSpec } from './live_audit_rings/spec.ts';
import { ringsTable } from './live_audit_rings/table.ts';
import { capture as mysql } from './mysql_queries/capture.ts';
import { capture as postgres } from './postgres_queries/capture.ts';
import { ReaderMark } from './readers.ts';
import { capture as shell } from './shell_history_live/capture.ts';

/** The event tables that BPF fills. */
export const captures: readonly Capture[] = [shell, postgres, mysql];

/** What fills event tables without BPF. */
export const sources: readonly Source[] = [audit];

/** The tables of events: each has a ring file, and can be switched off. */
export const eventSpecs: readonly TableSpec[] = [
  ...captures.map((capture) => capture.spec),
  ...sources.flatMap((source) => source.specs),
];

export const specs: readonly TableSpec[] = [
  ...eventSpecs.map(withConsumer),
  summarySpec,
  probesSpec,
  ringsSpec,
];

export interface Tables {
  readonly all: readonly Table[];
  readonly events: readonly EventTable[];
  close(): void;
}

/**
 * The tables as they stand in a state directory, which may not be there yet.
 * @param failures what keeps this process from collecting, for live_audit_probes
 */
export function openTables(stateDir: string, failures: () => ProbeState[] = () => []): Tables {
  const derived = new Map(captures.map((capture) => [capture.spec, capture.derived]));
  const events = eventSpecs.map((spec) => new EventTable(stateDir, spec, derived.get(spec)));
  const mark = new ReaderMark(stateDir);
  return {
    events,
    all: [
      ...events,
      summaryTable(events),
      probesTable(stateDir, failures),
      ringsTable(events, mark),
    ],
    close: () => {
      for (const table of events) table.close();
      mark.close();
    },
  };
}
