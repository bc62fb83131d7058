import { LiveAuditError } from '../../../native/errors.ts';
import { Collector } from '../../../tables/collector/collector.ts';
import { collectorPid } from '../../../tables/collector/state-dir.ts';
import { captures } from '../../../tables/index.ts';
import { assetsDir } from '../assets.ts';
import { log } from '../log.ts';
import { parseOptions } from '../options.ts';
import { untilSignal } from '../signals.ts';

/** `collect`: the collector alone, until SIGTERM or SIGINT. */
export async function collect(args: readonly string[]): Promise<number> {
  const { stateDir, positionals } = parseOptions(args);
  if (positionals.length > 0)
    throw new LiveAuditError('USAGE', `collect takes no argument: ${positionals[0]}`);
  const collector = Collector.start({ stateDir, assetsDir, captures, log });
  if (!collector)
    throw new LiveAuditError(
      'COLLECTOR_RUNS',
      `${stateDir}: process ${collectorPid(stateDir) ?? 'unknown'} collects`,
    );
  try {
    if (collector.failure !== null) return 1; // it has said why
    log(`collecting in ${stateDir}`);
    await untilSignal();
    return 0;
  } finally {
    collector.stop();
  }
}
