import { setTimeout as sleep } from 'node:timers/promises';
import { LiveAuditError } from '../../../native/errors.ts';
import { checkStateDir } from '../../../tables/collector/state-dir.ts';
import { CONSUMER } from '../../../tables/consumers.ts';
import type { EventTable } from '../../../tables/event-table.ts';
import { openTables } from '../../../tables/index.ts';
import type { RecordCursor } from '../../../tables/ring/cursor.ts';
import { shownColumns } from '../../../tables/shown-columns.ts';
import type { ColumnSpec, TableSpec } from '../../sdk/spec.ts';
import { log } from '../log.ts';
import { parseOptions } from '../options.ts';
import { jsonRow } from '../output.ts';
import { leaveSignal } from '../signals.ts';
import { filterOf } from '../tail/filter.ts';
import { TailView } from '../tail/view.ts';
import { screenOf } from '../terminal/screen.ts';

/** How often the ring is looked at: one load from mapped memory. */
const LOOK_MS = 50;
const MAX_LAST = 1_000_000;

const FLAGS = {
  json: { type: 'boolean' },
  columns: { type: 'string' },
  where: { type: 'string' },
  last: { type: 'string' },
} as const;

/** `tail TABLE`: each new event as it is stored, until a signal. */
export async function tail(args: readonly string[]): Promise<void> {
  const { stateDir, flags, positionals } = parseOptions(args, FLAGS);
  const [name] = positionals;
  const tables = openTables(stateDir);
  const table = tables.events.find(({ spec }) => spec.name === name);
  if (!table || positionals.length > 1)
    throw new LiveAuditError(
      'USAGE',
      `tail takes one event table: ${tables.events.map(({ spec }) => spec.name).join(', ')}`,
    );
  const columns = chosenColumns(table, text(flags.columns), flags.json === true);
  const last = lastOf(text(flags.last));
  const where = text(flags.where);
  const passes = where === undefined ? () => true : condition(table, where);
  checkStateDir(stateDir);
  const next = Math.max(1, (table.reader.lastEid() ?? 0) + 1 - last);
  await follow(table, next, passes, printer(table, columns, flags.json === true));
  tables.close();
}

const text = (flag: string | boolean | undefined): string | undefined =>
  typeof flag === 'string' ? flag : undefined;

/** Without the column that says who reads: no event has it. */
const storedSpec = ({ spec }: EventTable): TableSpec => ({
  ...spec,
  columns: spec.columns.filter((column) => column.name !== CONSUMER),
});

function chosenColumns(
  table: EventTable,
  asked: string | undefined,
  all: boolean,
): readonly ColumnSpec[] {
  const { columns } = storedSpec(table);
  const names = asked?.split(',') ?? (all ? [] : shownColumns(table.spec.name));
  if (names.length === 0) return columns;
  return names.map((name) => {
    const column = columns.find((c) => c.name === name.trim());
    if (!column)
      throw new LiveAuditError(
        'USAGE',
        `--columns: ${table.spec.name} has no column ${name.trim()}; \`specs ${table.spec.name}\` lists them`,
      );
    return column;
  });
}

function lastOf(asked: string | undefined): number {
  const last = Number(asked ?? 0);
  if (Number.isInteger(last) && last >= 0 && last <= MAX_LAST) return last;
  throw new LiveAuditError('USAGE', `--last takes a whole number up to ${MAX_LAST}: ${asked}`);
}

/** Columns that it does not name are not looked at: some have to be computed. */
function condition(table: EventTable, where: string): (record: RecordCursor) => boolean {
  const words = new Set(where.toLowerCase().match(/\w+/g));
  const named = storedSpec(table).columns.filter(({ name }) => words.has(name));
  const places = table.indexes(named.map(({ name }) => name));
  const passes = filterOf(named, where);
  return (record) => passes(table.valuesAt(record, places));
}

/** @returns what prints one event */
function printer(table: EventTable, columns: readonly ColumnSpec[], json: boolean) {
  const names = columns.map(({ name }) => name);
  const places = table.indexes(names);
  const write = (line: string) => process.stdout.write(`${line}\n`);
  if (json) return (record: RecordCursor) => write(jsonRow(names, table.valuesAt(record, places)));
  const view = new TailView(columns, screenOf(process.stdout, process.env));
  write(view.header());
  return (record: RecordCursor) => write(view.row(table.valuesAt(record, places)));
}

/** @param from the eid of the first event to show */
async function follow(
  { reader }: EventTable,
  from: number,
  passes: (record: RecordCursor) => boolean,
  print: (record: RecordCursor) => void,
): Promise<void> {
  const signal = leaveSignal();
  let next = from;
  let head = -1;
  while (!signal.aborted) {
    if (reader.refresh()) head = -1;
    if (reader.head !== head) {
      head = reader.head;
      const missed = reader.overtaken;
      for (const record of reader.range({ fromEid: next })) {
        if (passes(record)) print(record);
        next = record.eid + 1;
      }
      if (reader.overtaken > missed)
        log(`${reader.overtaken - missed} events were overwritten before they could be shown`);
    }
    await sleep(LOOK_MS, undefined, { signal }).catch(() => {});
  }
}
