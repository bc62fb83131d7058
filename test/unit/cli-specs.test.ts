/** `specs`: the one source of every document about the tables. */
import { parseAllDocuments } from 'yaml';
import { specs } from '../../tables/index.ts';
import { run } from '../live/collector-process.ts';

const read = (...args: string[]): string => {
  const { status, stdout, stderr } = run(['specs', ...args]);
  expect([status, stderr]).toEqual([0, '']);
  return stdout;
};

test('--format json, which is the default: the specs themselves', () => {
  const text = read('--format', 'json');
  expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(specs)));
  expect(read()).toBe(text);
});

test('--format fleet: a YAML document for each table, in the shape of Fleet’s schema', () => {
  const documents = parseAllDocuments(read('--format', 'fleet'));
  expect(documents.flatMap((document) => [...document.errors, ...document.warnings])).toEqual([]);
  const tables: unknown[] = documents.map((document) => document.toJS());
  expect(tables).toEqual(
    specs.map((spec) => ({
      name: spec.name,
      description: spec.description,
      platforms: ['linux'],
      evented: spec.evented,
      examples: expect.stringContaining(spec.examples[0] ?? ''),
      ...(spec.notes === undefined ? {} : { notes: spec.notes }),
      columns: spec.columns.map(({ name, description, type, hidden }) => ({
        name,
        description,
        type: type.toLowerCase(),
        required: false,
        ...(hidden ? { hidden } : {}),
      })),
    })),
  );
});

test('--format launcher: an array by name, in the shape of osquery-go’s table specs', () => {
  const tables: unknown = JSON.parse(read('--format', 'launcher'));
  expect(tables).toEqual(
    [...specs]
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map((spec) => ({
        name: spec.name,
        description: spec.description,
        url: '',
        platforms: ['linux'],
        evented: spec.evented,
        cacheable: false,
        ...(spec.notes === undefined ? {} : { notes: spec.notes }),
        examples: spec.examples,
        columns: spec.columns.map(({ name, type, description, push, hidden }) => ({
          ...{ name, type, description, required: false, additional: false },
          index: push !== undefined,
          optimized: push === 'equal',
          hidden: hidden === true,
        })),
      })),
  );
});

test('--format markdown: each table, each column with its type and description', () => {
  const sections = read('--format', 'markdown').split(/^# /m).slice(1);
  expect(sections).toHaveLength(specs.length);
  for (const [i, { name, columns, examples }] of specs.entries()) {
    const text = sections[i] ?? '';
    expect(text.startsWith(`${name}\n`)).toBe(true);
    for (const column of columns) {
      const row = new RegExp(
        `^\\| \`${column.name}\`[^|]* \\| ${column.type} \\| .*\\|$`,
        'm',
      ).exec(text);
      expect(row?.[0].replaceAll('\\|', '|')).toContain(column.description);
    }
    for (const sql of examples) expect(text).toContain(`\`\`\`sql\n${sql};\n\`\`\``);
  }
});

test('of some tables only', () => {
  const tables: unknown = JSON.parse(read('live_audit_rings'));
  expect(tables).toMatchObject([{ name: 'live_audit_rings' }]);
  expect(parseAllDocuments(read('live_audit_rings', '--format=fleet'))).toHaveLength(1);
});
