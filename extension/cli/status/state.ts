/** What `status` shows, as it stands now. */
import { collectorPid } from '../../../tables/collector/state-dir.ts';
import type { Tables } from '../../../tables/index.ts';
import type { ColumnSpec, Value } from '../../sdk/spec.ts';
import type { Result } from '../output.ts';

export type StatusRow = Readonly<Record<string, Value>>;

export interface Status {
  readonly version: string;
  readonly stateDir: string;
  /** null where nobody collects. */
  readonly collectorPid: number | null;
  /** Rows of live_audit_rings and live_audit_probes. */
  readonly rings: Result;
  readonly probes: Result;
  /** The columns of live_audit_rings, for what each loss means. */
  readonly ringColumns: readonly ColumnSpec[];
}

export function readStatus(version: string, stateDir: string, tables: Tables): Status {
  const read = (name: string) => {
    const table = tables.all.find(({ spec }) => spec.name === name);
    const columns = table?.spec.columns ?? [];
    const rows = table ? [...table.generate({ columns, constraints: [] })] : [];
    return { columns, result: { columns: columns.map((column) => column.name), rows } };
  };
  const rings = read('live_audit_rings');
  return {
    version,
    stateDir,
    collectorPid: collectorPid(stateDir),
    rings: rings.result,
    probes: read('live_audit_probes').result,
    ringColumns: rings.columns,
  };
}

/** Rows as objects by column name. */
export const objects = ({ columns, rows }: Result): StatusRow[] =>
  rows.map((row) =>
    Object.fromEntries(columns.map((name, i) => [name, (row[i] ?? null) as Value])),
  );

/** A counter of a row. */
export const count = (row: StatusRow, name: string): number => Number(row[name] ?? 0);

/** NULL is nothing; texts are of others. */
export const word = (row: StatusRow, name: string): string => String(row[name] ?? '');

/** All events of a ring that were lost, whatever the reason. */
export const lossesOf = (ring: StatusRow): number =>
  Object.keys(ring).reduce(
    (sum, name) => (name.startsWith('lost_') ? sum + count(ring, name) : sum),
    0,
  );
