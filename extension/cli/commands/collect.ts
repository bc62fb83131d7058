import path from 'node:path';
import { LiveAuditError } from '../../../native/errors.ts';
import { Collector } from '../../../tables/collector/collector.ts';
import { pinRoot, removePins } from '../../../tables/collector/pins.ts';
import { CollectorLock, collectorPid, openStateDir } from '../../../tables/collector/state-dir.ts';
import { collectorOptions } from '../collecting.ts';
import type { Config } from '../config/schema.ts';
import { watchConfig } from '../config/watch.ts';
import { log } from '../log.ts';
import { startMetrics } from '../metrics/metrics.ts';
import { parseOptions } from '../options.ts';
import { giveUpRights } from '../rights.ts';
import { untilSignal } from '../signals.ts';

/** `collect`: the collector alone, until SIGTERM or SIGINT; `--release` ends what it left pinned. */
export async function collect(args: readonly string[]): Promise<number> {
  const options = parseOptions(args, {
    release: { type: 'boolean' },
    'metrics-file': { type: 'string' },
  });
  const { stateDir, loaded, sources, flags, positionals } = options;
  if (positionals.length > 0)
    throw new LiveAuditError('USAGE', `collect takes no argument: ${positionals[0]}`);
  if (flags.release === true) return release(stateDir);
  giveUpRights(loaded.config);
  let collector = start(loaded.config);
  const metricsFile = flags['metrics-file'];
  const startMetricsOf = ({ metrics, state_dir }: Config) =>
    startMetrics({
      config:
        typeof metricsFile === 'string' ? { ...metrics, file: path.resolve(metricsFile) } : metrics,
      stateDir: state_dir,
      log,
    });
  let metrics = startMetricsOf(loaded.config);
  const signalled = untilSignal();
  const watch = watchConfig({
    sources,
    loaded,
    onError: (error) => log(error.line),
    onConfig: ({ config }, changed) => {
      // With pins nothing is lost in between.
      metrics?.stop();
      collector.stop();
      collector = start(config);
      metrics = startMetricsOf(config);
      log(`config: ${changed.join(', ')} changed; collecting in ${config.state_dir}`);
    },
  });
  try {
    if (collector.failure !== null) return 1; // it has said why
    log(`collecting in ${stateDir}`);
    await signalled;
    return 0;
  } finally {
    watch.close();
    metrics?.stop();
    collector.stop();
  }
}

/** @throws LiveAuditError COLLECTOR_RUNS and what the collector throws */
function start(config: Config): Collector {
  const collector = Collector.start(collectorOptions(config, log));
  if (!collector) throw collectorRuns(config.state_dir);
  return collector;
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
