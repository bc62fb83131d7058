/** Table specs as text: one function per format of `specs`. Documents are written by the same functions. */
import { stringify } from 'yaml';
import type { TableSpec } from '../sdk/spec.ts';

export type SpecFormat = 'json' | 'fleet' | 'launcher' | 'markdown';

const json = (specs: readonly TableSpec[]): string => `${JSON.stringify(specs, null, 2)}\n`;

/** Fleet's schema files: one YAML document per table. */
export function fleet(specs: readonly TableSpec[]): string {
  return specs.map((spec) => stringify(fleetTable(spec), { lineWidth: 0 })).join('---\n');
}

function fleetTable({ name, description, evented, notes, examples, columns }: TableSpec) {
  return {
    name,
    description,
    platforms: ['linux'],
    evented,
    examples: examples.map((sql) => `\`\`\`\n${sql};\n\`\`\``).join('\n\n'),
    ...(notes === undefined ? {} : { notes }),
    columns: columns.map((column) => ({
      name: column.name,
      description: column.description,
      type: column.type.toLowerCase(),
      required: false,
      ...(column.hidden ? { hidden: true } : {}),
    })),
  };
}

/**
 * What `launcher specs --merge` of Kolide's launcher writes: one JSON array by table name, the columns as osquery-go
 * declares them (its OsqueryTableSpec and ColumnDefinition).
 */
export function launcher(specs: readonly TableSpec[]): string {
  const byName = [...specs].sort((a, b) => (a.name < b.name ? -1 : 1));
  return `${JSON.stringify(byName.map(launcherTable), null, 2)}\n`;
}

function launcherTable({ name, description, evented, attributes, ...spec }: TableSpec) {
  return {
    name,
    description,
    url: '',
    platforms: ['linux'],
    evented,
    cacheable: attributes?.cacheable === true,
    ...(spec.notes === undefined ? {} : { notes: spec.notes }),
    examples: spec.examples,
    columns: spec.columns.map((column) => ({
      name: column.name,
      type: column.type,
      description: column.description,
      index: column.push !== undefined,
      required: column.required === true,
      additional: false,
      optimized: column.push === 'equal',
      hidden: column.hidden === true,
    })),
  };
}

const PUSHED = { range: 'range', equal: '=, IN' } as const;

/** One section per table: what a documentation page shows. */
export function markdown(specs: readonly TableSpec[]): string {
  return specs.map(markdownTable).join('\n');
}

function markdownTable({ name, description, notes, examples, columns }: TableSpec): string {
  const cell = (value: string) => value.replaceAll('|', '\\|').replaceAll('\n', ' ');
  return [
    `# ${name}\n\n${description}\n`,
    notes === undefined ? '' : `\n${notes}\n`,
    '\n| column | type | index | description |\n| --- | --- | --- | --- |\n',
    ...columns.map(
      (column) =>
        `| \`${column.name}\`${column.hidden ? ' (hidden)' : ''} | ${column.type} | ${column.push ? PUSHED[column.push] : ''} | ${cell(column.description)} |\n`,
    ),
    `\n## Examples\n\n${examples.map((sql) => `\`\`\`sql\n${sql};\n\`\`\`\n`).join('\n')}`,
  ].join('');
}

export const SPEC_FORMATS: Readonly<Record<SpecFormat, (specs: readonly TableSpec[]) => string>> = {
  json,
  fleet,
  launcher,
  markdown,
};
