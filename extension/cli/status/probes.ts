/** What is attached to which program; what is in the way of the rest. */
import { type GridCell, type GridColumn, grid } from '../terminal/grid.ts';
import type { Style } from '../terminal/screen.ts';
import { escapeControls, wrap } from '../terminal/text.ts';
import { countText, spanText } from '../terminal/words.ts';
import type { PageOptions } from './page.ts';
import { count, type StatusRow, word } from './state.ts';

const STYLES: Readonly<Record<string, Style>> = {
  attached: 'green',
  waiting: 'yellow',
  failed: 'red',
};

const PROGRAM_COLUMNS: readonly GridColumn[] = [
  { title: 'program', cut: 'start' },
  { title: 'table', cut: 'end', spare: 3 },
  { title: 'attached', align: 'right' },
  { title: 'hits', align: 'right', spare: 1 },
  { title: 'lost', align: 'right', spare: 2 },
  { title: 'last', align: 'right' },
];

const PROBE_COLUMNS: readonly GridColumn[] = [
  { title: 'program', cut: 'start' },
  { title: 'symbol', cut: 'end' },
  { title: 'hook', spare: 3 },
  { title: 'state' },
  { title: 'hits', align: 'right', spare: 1 },
  { title: 'lost', align: 'right', spare: 2 },
  { title: 'last', align: 'right', spare: 4 },
];

/** A table as a whole has a row without a program. */
const WHOLE_TABLE = '(the whole table)';
const INDENT = '  ';

interface Program {
  readonly target: string;
  readonly table: string;
  readonly probes: StatusRow[];
}

export function probeLines(probes: readonly StatusRow[], options: PageOptions): string[] {
  if (probes.length === 0) return [];
  const { screen, all, now } = options;
  const programs = byProgram(probes);
  const lines = all
    ? grid(
        screen,
        PROBE_COLUMNS,
        probes.map((probe) => probeCells(probe, now)),
      )
    : grid(
        screen,
        PROGRAM_COLUMNS,
        programs.map((program) => programCells(program, now)),
      );
  return [...lines, ...troubleLines(programs, options)];
}

function byProgram(probes: readonly StatusRow[]): Program[] {
  const programs = new Map<string, Program>();
  for (const probe of probes) {
    const table = word(probe, 'table_name');
    const target = probe.target === null ? WHOLE_TABLE : escapeControls(word(probe, 'target'));
    const key = `${table}\0${target}`;
    const program = programs.get(key) ?? { table, target, probes: [] };
    program.probes.push(probe);
    programs.set(key, program);
  }
  return [...programs.values()];
}

const sum = (probes: readonly StatusRow[], name: string): number =>
  probes.reduce((total, probe) => total + count(probe, name), 0);

function lastCell(probes: readonly StatusRow[], now: number): GridCell {
  const last = Math.max(0, ...probes.map((probe) => count(probe, 'last_event_time')));
  return last === 0 ? { text: 'never', style: 'dim' } : { text: `${spanText(now - last)} ago` };
}

const lostCell = (lost: number): GridCell => ({
  text: countText(lost),
  style: lost > 0 ? 'red' : undefined,
});

function programCells({ target, table, probes }: Program, now: number): GridCell[] {
  const attached = probes.filter(({ state }) => state === 'attached').length;
  const failed = probes.some(({ state }) => state === 'failed');
  const style: Style = failed ? 'red' : attached === probes.length ? 'green' : 'yellow';
  return [
    { text: target },
    { text: table },
    { text: `${attached} of ${probes.length}`, style },
    { text: countText(sum(probes, 'hits')) },
    lostCell(sum(probes, 'lost')),
    lastCell(probes, now),
  ];
}

function probeCells(probe: StatusRow, now: number): GridCell[] {
  const state = word(probe, 'state');
  return [
    { text: probe.target === null ? WHOLE_TABLE : escapeControls(word(probe, 'target')) },
    { text: escapeControls(word(probe, 'symbol')) },
    { text: word(probe, 'hook') },
    { text: state, style: STYLES[state] },
    { text: countText(count(probe, 'hits')) },
    lostCell(count(probe, 'lost')),
    lastCell([probe], now),
  ];
}

/** What is in the way: each reason once. */
function troubleLines(programs: readonly Program[], { screen }: PageOptions): string[] {
  const troubles = new Set(
    programs.flatMap(({ target, table, probes }) => {
      const about = target === WHOLE_TABLE ? table : target;
      return probes
        .map((probe) => escapeControls(word(probe, 'last_error')))
        .filter((reason) => reason !== '')
        .map((reason) => (reason.startsWith(`${about}: `) ? reason : `${about}: ${reason}`));
    }),
  );
  if (troubles.size === 0) return [];
  const lines = [...troubles].flatMap((trouble) =>
    wrap(trouble, screen.width - INDENT.length).map((line, i) => `${i === 0 ? '' : INDENT}${line}`),
  );
  return [
    '',
    screen.paint('bold', 'What is missing'),
    ...lines.map((line) => screen.paint('yellow', line)),
  ];
}
