/** Waiting for the probes of a server. */
import { type CollectorProcess, until } from './collector-process.ts';

/** Others may attach at the same time, each to all servers of the machine. */
const ATTACH_MS = 90_000;

/** Resolves when all probes of the server's executable are attached. */
export async function attached(
  collector: CollectorProcess,
  { bin }: { readonly bin: string },
): Promise<void> {
  const states = `SELECT symbol, state, last_error FROM live_audit_probes WHERE target = '${bin}/postgres'`;
  await until(() => {
    const probes = collector.query(states);
    const failed = probes.find(({ state }) => state === 'failed');
    if (failed) throw new Error(`${failed.symbol}: ${failed.last_error}`);
    return probes.length > 0 && probes.every(({ state }) => state === 'attached');
  }, ATTACH_MS);
}
