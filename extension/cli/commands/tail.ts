import { setTimeout as sleep } from 'node:timers/promises';
import { LiveAuditError } from '../../../native/errors.ts';
import { checkStateDir } from '../../../tables/collector/state-dir.ts';
import { openTables } from '../../../tables/index.ts';
import { log } from '../log.ts';
import { parseOptions } from '../options.ts';
import { jsonRow, terminalRow } from '../output.ts';
import { leaveSignal } from '../signals.ts';

/** How often the ring is looked at: one load from mapped memory. */
const LOOK_MS = 50;

/** `tail TABLE`: each new event as it is stored, until a signal. */
export async function tail(args: readonly string[]): Promise<void> {
  const { stateDir, flags, positionals } = parseOptions(args, { json: { type: 'boolean' } });
  const [name] = positionals;
  const tables = openTables(stateDir);
  const table = tables.events.find(({ spec }) => spec.name === name);
  if (!table || positionals.length > 1)
    throw new LiveAuditError(
      'USAGE',
      `tail takes one event table: ${tables.events.map(({ spec }) => spec.name).join(', ')}`,
    );
  checkStateDir(stateDir);
  const columns = table.spec.columns.map((column) => column.name);
  const format = flags.json === true ? jsonRow : terminalRow;
  const { reader } = table;
  const signal = leaveSignal();
  let next = (reader.lastEid() ?? 0) + 1;
  let head = reader.head;
  while (!signal.aborted) {
    if (reader.refresh()) head = -1;
    if (reader.head !== head) {
      head = reader.head;
      const missed = reader.overtaken;
      for (const record of reader.range({ fromEid: next })) {
        process.stdout.write(`${format(columns, record.values())}\n`);
        next = record.eid + 1;
      }
      if (reader.overtaken > missed)
        log(`${reader.overtaken - missed} events were overwritten before they could be shown`);
    }
    await sleep(LOOK_MS, undefined, { signal }).catch(() => {});
  }
  tables.close();
}
