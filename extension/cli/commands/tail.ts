import { setTimeout as sleep } from 'node:timers/promises';
import { LiveAuditError } from '../../../native/errors.ts';
import { checkStateDir } from '../../../tables/collector/state-dir.ts';
import { CONSUMER } from '../../../tables/consumers.ts';
import type { EventTable } from '../../../tables/event-table.ts';
import { openTables } from '../../../tables/index.ts';
import { shownColumns } from '../../../tables/shown-columns.ts';
import type { ColumnSpec, TableSpec, Value } from '../../sdk/spec.ts';
import { log } from '../log.ts';
import { parseOptions } from '../options.ts';
import { jsonRow } from '../output.ts';
import { leaveSignal } from '../signals.ts';
import { type Filter, filterOf } from '../tail/filter.ts';
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
  const passes = where === undefined ? () => true : filterOf(storedSpec(table), where);
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

/** @returns what prints the values of one event */
function printer(table: EventTable, columns: readonly ColumnSpec[], json: boolean) {
  const places = table.indexes(columns.map(({ name }) => name));
  const pick = (values: readonly Value[]) => places.map((place) => values[place] ?? null);
  const names = columns.map(({ name }) => name);
  if (json)
    return (values: readonly Value[]) => process.stdout.write(`${jsonRow(names, pick(values))}\n`);
  const view = new TailView(columns, screenOf(process.stdout, process.env));
  process.stdout.write(`${view.header()}\n`);
  return (values: readonly Value[]) => process.stdout.write(`${view.row(pick(values))}\n`);
}

/** @param from the eid of the first event to show */
async function follow(
  { reader }: EventTable,
  from: number,
  passes: Filter,
  print: (values: readonly Value[]) => void,
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
        const values = record.values();
        if (passes(values)) print(values);
        next = record.eid + 1;
      }
      if (reader.overtaken > missed)
        log(`${reader.overtaken - missed} events were overwritten before they could be shown`);
    }
    await sleep(LOOK_MS, undefined, { signal }).catch(() => {});
  }
}
