import type { Table } from '../../extension/sdk/context.ts';
import type { Value } from '../../extension/sdk/spec.ts';
import { spec as fileSpec } from '../audit_file_events/spec.ts';
import { isExec } from '../audit_process_events/row.ts';
import { spec as processSpec } from '../audit_process_events/spec.ts';
import { pick } from '../rows.ts';
import { type SummaryRow, spec } from './spec.ts';

type Group = { -readonly [C in keyof SummaryRow]: SummaryRow[C] };

type Named = Readonly<Record<string, Value>>;

const WHO = ['auid', 'uid', 'pid', 'time', 'syscall'];

/** @param events the tables to count over: rings, or a file */
export function summaryTable(events: readonly Table[]): Table {
  const rowsOf = (name: string, columns: readonly string[]) =>
    namedRows(
      events.find((table) => table.spec.name === name),
      [...WHO, ...columns],
    );
  return {
    spec,
    *generate(context) {
      const summary = new Summary();
      for (const row of rowsOf(processSpec.name, ['path', 'success'])) {
        summary.add(row, 'syscall', row.syscall);
        const ran = isExec(String(row.syscall)) && row.success !== 0;
        if (ran) summary.add(row, 'command', row.path);
      }
      for (const row of rowsOf(fileSpec.name, ['path', 'dest_path'])) {
        summary.add(row, 'syscall', row.syscall);
        summary.add(row, 'file', row.path);
        summary.add(row, 'file', row.dest_path);
      }
      for (const group of summary.groups()) yield pick(context, group);
    },
  };
}

function* namedRows(table: Table | undefined, names: readonly string[]): Generator<Named> {
  if (!table) return;
  // A context's columns are in the table's order.
  const columns = table.spec.columns.filter(({ name }) => names.includes(name));
  for (const row of table.generate({ columns, constraints: [] })) {
    yield Object.fromEntries(columns.map(({ name }, i) => [name, row[i] ?? null]));
  }
}

class Summary {
  readonly #groups = new Map<string, Group>();

  add(row: Named, kind: string, name: Value | undefined): void {
    if (typeof name !== 'string') return;
    const { auid = null, uid = null, pid = null } = row;
    const time = Number(row.time);
    const id = `${auid} ${uid} ${pid} ${kind} ${name}`;
    const group = this.#groups.get(id);
    if (!group) {
      this.#groups.set(id, {
        auid: integer(auid),
        uid: integer(uid),
        pid: integer(pid),
        kind,
        name,
        count: 1,
        first_time: time,
        last_time: time,
      });
      return;
    }
    group.count = Number(group.count) + 1;
    if (time < Number(group.first_time)) group.first_time = time;
    if (time > Number(group.last_time)) group.last_time = time;
  }

  groups(): Iterable<Group> {
    return this.#groups.values();
  }
}

const integer = (value: Value): number | bigint | null =>
  typeof value === 'string' ? null : value;
