import { LiveAuditError } from '../../../native/errors.ts';
import { CollectorKeeper } from '../../../tables/collector/keeper.ts';
import { captures, openTables } from '../../../tables/index.ts';
import { serveExtension } from '../../sdk/extension.ts';
import { assetsDir } from '../assets.ts';
import { log } from '../log.ts';
import { parseLenient } from '../options.ts';
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

/** The osquery extension: serves the tables, and collects as long as nobody else does. */
export async function extension(args: readonly string[]): Promise<number> {
  const { stateDir, flags } = parseLenient(args, FLAGS, (flag) => log(`flag ignored: ${flag}`));
  const socket = flags.socket;
  if (typeof socket !== 'string' || socket === '')
    throw new LiveAuditError('USAGE', '--socket needs the path of osquery’s extension socket');
  const verbose = flags.verbose === true;
  const keeper = new CollectorKeeper({
    stateDir,
    assetsDir,
    captures,
    log: (line) => (verbose || !/^collecting/.test(line) ? log(line) : undefined),
  });
  const tables = openTables(stateDir, () => keeper.failures);
  keeper.start();
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
    });
    if (reason === 'manager-gone') log('osquery is gone: leaving');
    return reason === 'manager-gone' ? 1 : 0;
  } finally {
    tables.close();
    keeper.stop();
  }
}

/** A wrong number must not keep osqueryd from its extension. */
function seconds(value: string | boolean | undefined, otherwise: number): number {
  const number = Number(value);
  if (value === undefined) return otherwise;
  if (number > 0 && number < 1e6) return number;
  log(`not a number of seconds: ${value}; using ${otherwise}`);
  return otherwise;
}
