import { LiveAuditError } from '../../../native/errors.ts';
import { checkStateDir, collectorPid } from '../../../tables/collector/state-dir.ts';
import { openTables } from '../../../tables/index.ts';
import type { Table } from '../../sdk/context.ts';
import { parseOptions } from '../options.ts';
import { FORMATS, type Result } from '../output.ts';
import { VERSION } from '../version.ts';

/** `status`: who collects, what is attached, and the ledger. */
export function status(args: readonly string[]): void {
  const { stateDir, flags, positionals } = parseOptions(args, { json: { type: 'boolean' } });
  if (positionals.length > 0)
    throw new LiveAuditError('USAGE', `status takes no argument: ${positionals[0]}`);
  checkStateDir(stateDir);
  const tables = openTables(stateDir);
  const read = (name: string) => rowsOf(tables.all.find(({ spec }) => spec.name === name));
  const pid = collectorPid(stateDir);
  const rings = read('live_audit_rings');
  const probes = read('live_audit_probes');
  tables.close();
  process.stdout.write(
    flags.json === true
      ? asJson(stateDir, pid, rings, probes)
      : asText(stateDir, pid, rings, probes),
  );
}

function rowsOf(table: Table | undefined): Result {
  const columns = table?.spec.columns ?? [];
  const rows = table ? [...table.generate({ columns, constraints: [] })] : [];
  return { columns: columns.map(({ name }) => name), rows };
}

function asJson(stateDir: string, pid: number | null, rings: Result, probes: Result): string {
  const head = { version: VERSION, state_dir: stateDir, collector_pid: pid };
  const members = JSON.stringify(head).slice(0, -1);
  return `${members},"rings":${FORMATS.json(rings)},"probes":${FORMATS.json(probes)}}\n`;
}

function asText(stateDir: string, pid: number | null, rings: Result, probes: Result): string {
  const collector = pid === null ? 'nobody collects' : `process ${pid} collects`;
  const parts = [`live_audit ${VERSION}: ${collector}, state in ${stateDir}\n`];
  if (rings.rows.length > 0) parts.push(`\n${FORMATS.line(rings)}`);
  const shown = ['target', 'symbol', 'hook', 'state', 'hits', 'lost', 'last_error'];
  const at = shown.map((name) => probes.columns.indexOf(name));
  const rows = probes.rows.map((row) => at.map((i) => row[i] ?? null));
  if (rows.length > 0) parts.push(`\n${FORMATS.table({ columns: shown, rows })}`);
  return parts.join('');
}
