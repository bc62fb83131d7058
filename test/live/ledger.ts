/** The ledger of a collector's shell table, once it balances. */
import { type CollectorProcess, until } from './collector-process.ts';

export type LedgerRow = Readonly<Record<string, number>>;

/** Seen, less what was stored and all that was lost. */
export const unaccounted = (ring: LedgerRow): number =>
  Object.entries(ring)
    .filter(([name]) => name.startsWith('lost_'))
    .reduce((rest, [, n]) => rest - n, (ring.events_seen ?? 0) - (ring.events_stored ?? 0));

/** @throws Error where it does not balance: this machine must have no command that goes on */
export async function ledger(collector: CollectorProcess): Promise<LedgerRow> {
  let ring: LedgerRow = {};
  await until(() => {
    const [row] = collector.query(
      "SELECT * FROM live_audit_rings WHERE table_name = 'shell_history_live'",
    );
    ring = row as LedgerRow;
    return unaccounted(ring) === 0;
  }, 10_000).catch(() => {
    throw new Error(`unaccounted: ${JSON.stringify(ring)}`);
  });
  return ring;
}
