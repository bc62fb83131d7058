import { LiveAuditError } from '../../../native/errors.ts';
import { checkStateDir } from '../../../tables/collector/state-dir.ts';
import { openTables } from '../../../tables/index.ts';
import { parseOptions } from '../options.ts';
import { FORMATS } from '../output.ts';
import { statusPage } from '../status/page.ts';
import { readStatus, type Status } from '../status/state.ts';
import { screenOf } from '../terminal/screen.ts';
import { VERSION } from '../version.ts';

/** `status`: who collects, the ledger, and what is attached. */
export function status(args: readonly string[]): void {
  const { stateDir, flags, positionals } = parseOptions(args, {
    json: { type: 'boolean' },
    all: { type: 'boolean' },
  });
  if (positionals.length > 0)
    throw new LiveAuditError('USAGE', `status takes no argument: ${positionals[0]}`);
  checkStateDir(stateDir);
  const tables = openTables(stateDir);
  const now = readStatus(VERSION, stateDir, tables);
  tables.close();
  process.stdout.write(flags.json === true ? asJson(now) : asPage(now, flags.all === true));
}

function asJson({ version, stateDir, collectorPid, rings, probes }: Status): string {
  const head = { version, state_dir: stateDir, collector_pid: collectorPid };
  const members = JSON.stringify(head).slice(0, -1);
  return `${members},"rings":${FORMATS.json(rings)},"probes":${FORMATS.json(probes)}}\n`;
}

function asPage(status: Status, all: boolean): string {
  const screen = screenOf(process.stdout, process.env);
  const lines = statusPage(status, { screen, now: Date.now() / 1000, all });
  return `${lines.join('\n')}\n`;
}
