import { LiveAuditError } from '../../../native/errors.ts';
import { CollectorKeeper } from '../../../tables/collector/keeper.ts';
import { openTables } from '../../../tables/index.ts';
import { serveExtension } from '../../sdk/extension.ts';
import { Manager } from '../../sdk/manager.ts';
import { collectorOptions } from '../collecting.ts';
import type { Config } from '../config/schema.ts';
import { type ConfigWatch, watchConfig } from '../config/watch.ts';
import { log } from '../log.ts';
import { startMetrics } from '../metrics/metrics.ts';
import { parseLenient } from '../options.ts';
import { giveUpRights } from '../rights.ts';
import { leaveSignal } from '../signals.ts';
import { NAME, VERSION } from '../version.ts';

const FLAGS = {
  socket: { type: 'string' },
  timeout: { type: 'string' },
  interval: { type: 'string' },
  verbose: { type: 'boolean' },
} as const;

/** osquery's own defaults (--extensions_timeout, --extensions_interval), s. */
const DEFAULT_TIMEOUT = 3;
const DEFAULT_INTERVAL = 3;

/** A restart of osqueryd takes less. */
const RESTART_S = 10;

/** The osquery extension: serves the tables, and collects as long as nobody else does. */
export async function extension(args: readonly string[]): Promise<number> {
  const options = parseLenient(args, FLAGS, (flag) => log(`flag ignored: ${flag}`));
  const { stateDir, loaded, sources, flags } = options;
  const socket = flags.socket;
  if (typeof socket !== 'string' || socket === '')
    throw new LiveAuditError('USAGE', '--socket needs the path of osquery’s extension socket');
  giveUpRights(loaded.config);
  const verbose = flags.verbose === true;
  const say = (line: string) => (verbose || !/^collecting/.test(line) ? log(line) : undefined);
  const keeper = new CollectorKeeper(collectorOptions(loaded.config, say));
  let watch: ConfigWatch | undefined;
  const startMetricsOf = ({ metrics }: Config) => startMetrics({ config: metrics, stateDir, log });
  let metrics = startMetricsOf(loaded.config);
  /** The same config with osquery's options in it, from now on watched. */
  const readOsqueryOptions = async () => {
    const osquery = await new Manager(socket).options();
    watch?.close();
    watch = watchConfig({
      sources: { ...sources, osquery },
      loaded,
      onError: (error) => log(error.line),
      onConfig: ({ config }, changed) => {
        log(`config: ${changed.join(', ')} changed`);
        // The rows that are served stay those of the directory that we began with.
        keeper.reconfigure(collectorOptions({ ...config, state_dir: stateDir }, say));
        metrics?.stop();
        metrics = startMetricsOf(config);
      },
    });
  };
  const tables = openTables(stateDir, () => keeper.failures);
  let registered = false;
  try {
    const reason = await serveExtension({
      socket,
      name: NAME,
      version: VERSION,
      tables: tables.all,
      timeout: seconds(flags.timeout, DEFAULT_TIMEOUT),
      interval: seconds(flags.interval, DEFAULT_INTERVAL),
      log: (line) => log(line),
      signal: leaveSignal(),
      ...lifeOf(process.env.OSQUERY_EXTENSION),
      onRegistered: () => {
        if (registered) return;
        registered = true;
        // Not before: one that osquery does not want must not leave probes behind.
        keeper.start();
        readOsqueryOptions().catch((error) =>
          log(`osquery's options were not read: ${(error as Error).message}`),
        );
      },
    });
    if (reason === 'manager-gone') log('osquery is gone: leaving');
    return reason === 'manager-gone' ? 1 : 0;
  } finally {
    watch?.close();
    metrics?.stop();
    tables.close();
    keeper.stop();
  }
}

/**
 * osquery sets OSQUERY_EXTENSION to its pid for an extension that it starts, and starts another one after its own
 * death: we leave with it. One that was started by hand or by systemd waits for osquery to come back.
 */
function lifeOf(osquery: string | undefined): { parent?: number; patience?: number } {
  return osquery === undefined ? { patience: RESTART_S } : { parent: process.ppid };
}

/** A wrong number must not keep osqueryd from its extension. */
function seconds(value: string | boolean | undefined, otherwise: number): number {
  const number = Number(value);
  if (value === undefined) return otherwise;
  if (number > 0 && number < 1e6) return number;
  log(`not a number of seconds: ${value}; using ${otherwise}`);
  return otherwise;
}
