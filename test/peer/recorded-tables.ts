/** The two tables of the transcripts, as Tables: they filter by what was pushed, as ours do. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Row, Table } from '../../extension/sdk/context.ts';
import { matcher, range } from '../../extension/sdk/push-down.ts';
import { ColumnOption } from '../../extension/sdk/routes.ts';
import type { ColumnSpec, ColumnType } from '../../extension/sdk/spec.ts';
import type { Registry } from '../../extension/sdk/thrift/index.ts';
import type { GenerateRequest } from './peer.ts';

const FOLDER = join(__dirname, '..', 'fixtures', 'osquery', 'transcripts');

type TextRow = { readonly [column: string]: string };

interface RecordedTable {
  readonly columns: readonly (readonly [string, ColumnType, number])[];
  readonly rows: readonly TextRow[];
}

export interface Recorded {
  readonly sql: string;
  readonly requests: readonly GenerateRequest[];
  /** null where they depend on the machine. */
  readonly rows: readonly TextRow[] | null;
}

const recordedTables = (
  JSON.parse(readFileSync(join(FOLDER, 'tables.json'), 'utf8')) as {
    tables: { [name: string]: RecordedTable };
  }
).tables;

export const recorded: readonly Recorded[] = readFileSync(join(FOLDER, 'generate.jsonl'), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Recorded);

/** How many rows the tables gave since the start, to see that push-down filters at all. */
export const given = { rows: 0 };

export const tables: readonly Table[] = Object.entries(recordedTables).map(([name, table]) =>
  serve(name, table),
);

/** With the option bits of the recording, which our own routes differ from where nothing is pushed. */
export const recordedRegistry: Registry = {
  table: Object.fromEntries(
    Object.entries(recordedTables).map(([name, { columns }]) => [
      name,
      columns.map(([column, type, op]) => ({ id: 'column', name: column, type, op: String(op) })),
    ]),
  ),
};

function serve(name: string, { columns, rows }: RecordedTable): Table {
  const spec = {
    name,
    description: '',
    evented: true,
    examples: [],
    columns: columns.map(([column, type, op]) => columnSpec(column, type, op)),
  };
  return {
    spec,
    *generate(context): Iterable<Row> {
      const tests = spec.columns.flatMap((column) => {
        const test = column.push === 'equal' ? matcher(context, column.name) : null;
        return test === null ? [] : [(row: TextRow) => test(row[column.name] ?? null)];
      });
      const ranges = spec.columns
        .filter((column) => column.push === 'range')
        .map((column) => ({ column: column.name, ...range(context, column.name) }));
      for (const row of rows) {
        if (!tests.every((test) => test(row))) continue;
        const inside = ranges.every(({ column, min, max }) => {
          const value = BigInt(row[column] ?? '0');
          return min <= value && value <= max;
        });
        if (!inside) continue;
        given.rows += 1;
        yield context.columns.map((column) => row[column.name] ?? null);
      }
    },
  };
}

function columnSpec(name: string, type: ColumnType, op: number): ColumnSpec {
  const hidden = (op & ColumnOption.HIDDEN) !== 0;
  const spec = { name, type, description: '', hidden };
  if ((op & ColumnOption.ADDITIONAL) === 0) return spec;
  return { ...spec, push: type === 'TEXT' || op & ColumnOption.OPTIMIZED ? 'equal' : 'range' };
}
