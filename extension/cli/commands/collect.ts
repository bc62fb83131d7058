import { LiveAuditError } from '../../../native/errors.ts';
import { Collector } from '../../../tables/collector/collector.ts';
import { pinRoot, removePins } from '../../../tables/collector/pins.ts';
import { CollectorLock, collectorPid, openStateDir } from '../../../tables/collector/state-dir.ts';
import { captures } from '../../../tables/index.ts';
import { assetsDir } from '../assets.ts';
import { log } from '../log.ts';
import { parseOptions } from '../options.ts';
import { untilSignal } from '../signals.ts';

/** `collect`: the collector alone, until SIGTERM or SIGINT; `--release` ends what it left pinned. */
export async function collect(args: readonly string[]): Promise<number> {
  const { stateDir, flags, positionals } = parseOptions(args, { release: { type: 'boolean' } });
  if (positionals.length > 0)
    throw new LiveAuditError('USAGE', `collect takes no argument: ${positionals[0]}`);
  if (flags.release === true) return release(stateDir);
  const collector = Collector.start({ stateDir, assetsDir, captures, log });
  if (!collector) throw collectorRuns(stateDir);
  try {
    if (collector.failure !== null) return 1; // it has said why
    log(`collecting in ${stateDir}`);
    await untilSignal();
    return 0;
  } finally {
    collector.stop();
  }
}

/** Remove all pins of a state directory, so that nothing is captured any more. */
function release(stateDir: string): number {
  openStateDir(stateDir);
  const lock = CollectorLock.take(stateDir);
  if (!lock) throw collectorRuns(stateDir);
  const removed = removePins(pinRoot(stateDir));
  lock.release();
  process.stdout.write(`${removed} pins removed; nothing is captured for ${stateDir}\n`);
  return 0;
}

function collectorRuns(stateDir: string): LiveAuditError {
  const pid = collectorPid(stateDir) ?? 'unknown';
  return new LiveAuditError('COLLECTOR_RUNS', `${stateDir}: process ${pid} collects`);
}
