/** `status` as a page: state in, lines out. */
import { statusPage } from '../../extension/cli/status/page.ts';
import type { Status } from '../../extension/cli/status/state.ts';
import { screenOf } from '../../extension/cli/terminal/screen.ts';
import { displayWidth } from '../../extension/cli/terminal/text.ts';
import { spec as probesSpec } from '../../tables/live_audit_probes/spec.ts';
import { spec as ringsSpec } from '../../tables/live_audit_rings/spec.ts';

const NOW = 1_795_000_000;
type Cells = Readonly<Record<string, string | number | null>>;

const rows = (columns: readonly { readonly name: string }[], ...objects: Cells[]) => ({
  columns: columns.map(({ name }) => name),
  rows: objects.map((object) => columns.map(({ name }) => object[name] ?? null)),
});
const ring = (table_name: string, more: Cells = {}): Cells => ({
  ...{ table_name, capacity: 2 ** 24, used: 2 ** 20, oldest_time: NOW - 7300, readers: 2 },
  ...{ events_seen: 12_345, events_stored: 12_345, overwritten: 0, ...more },
});
const probe = (target: string | null, symbol: string, more: Cells = {}): Cells => ({
  ...{ table_name: 'shell_history_live', target, symbol, hook: 'entry', state: 'attached' },
  ...{ hits: 1000, lost: 0, last_event_time: NOW - 3, ...more },
});
const status = (rings: Cells[], probes: Cells[], more: Partial<Status> = {}): Status => ({
  ...{ version: '1.2.3', stateDir: '/run/live-audit', collectorPid: 42 },
  ringColumns: ringsSpec.columns,
  rings: rows(ringsSpec.columns, ...rings),
  probes: rows(probesSpec.columns, ...probes),
  ...more,
});
const lines = (state: Status, width = 100, all = false) =>
  statusPage(state, { screen: { width, paint: (_, text) => text }, now: NOW, all });

const HEALTHY = status(
  [ring('shell_history_live'), ring('postgres_queries', { oldest_time: null, used: 0 })],
  [probe('/usr/bin/bash', 'readline'), probe('/usr/bin/bash', 'parse_command', { hits: 5 })],
);

test('all is well', () => {
  expect(lines(HEALTHY)).toEqual([
    'live_audit 1.2.3  process 42 collects',
    'state in /run/live-audit',
    'Nothing lost.',
    '',
    'Tables',
    'table                 seen  stored  lost  overwritten           ring  back to',
    'shell_history_live  12,345  12,345     0            0  7 % of 16 MiB  2 h ago',
    'postgres_queries    12,345  12,345     0            0  0 % of 16 MiB',
    '',
    'Probes',
    'program        table               attached   hits  lost     last',
    '/usr/bin/bash  shell_history_live    2 of 2  1,005     0  3 s ago',
  ]);
});

test('each probe, when asked for', () => {
  expect(lines(HEALTHY, 100, true).slice(-3)).toEqual([
    'program        symbol         hook   state      hits  lost     last',
    '/usr/bin/bash  readline       entry  attached  1,000     0  3 s ago',
    '/usr/bin/bash  parse_command  entry  attached      5     0  3 s ago',
  ]);
});

test('losses by reason, and what is in the way of a probe, once each', () => {
  const error = 'lacks the symbol COM_QUERY [NO_SYMBOL]: a build with its .symtab is captured';
  const page = lines(
    status(
      [ring('mysql_queries', { lost_reserve: 1500, lost_decode: 2 })],
      [
        probe('/opt/db/mysqld', 'a', { state: 'failed', last_error: error, last_event_time: null }),
        probe('/opt/db/mysqld', 'b', { state: 'failed', last_error: error, last_event_time: null }),
        probe(null, '', { state: 'failed', last_error: 'no BTF' }),
      ],
    ),
  );
  expect(page).toContain('1,502 events lost: the reasons are below.');
  expect(page).toContain('3 probes have failed.');
  expect(page).toContain(
    'mysql_queries lost_reserve 1,500: Events lost because the kernel’s ring buffer was full.',
  );
  expect(page.join('\n').split('COM_QUERY')).toHaveLength(2);
  expect(page).toContain('shell_history_live: no BTF');
  expect(page.find((line) => line.startsWith('/opt/db/mysqld '))).toMatch(/ 0 of 2 .* never$/);
});

test('nothing yet: what to do', () => {
  expect(lines(status([], [], { collectorPid: null })).join(' ')).toMatch(
    /nobody collects .*Nothing has been captured here yet: `live_audit.ext collect` begins/,
  );
});

const HOSTILE = status(
  [ring('shell_history_live', { lost_read: 7 })],
  [
    probe('/tmp/\x1b[2J日本\u202e\n/bash', 'sym\x07bol', { last_error: 'a\x9bb '.repeat(40) }),
    probe(`/proc/1/root/${'x'.repeat(300)}/bash`, 'y'.repeat(200), { state: 'waiting' }),
  ],
  { stateDir: '/tmp/\x1b]0;evil\x07' },
);

test.each([[20], [40], [60], [80], [120], [200]])(
  'at %d columns: no line is wider, nothing drives the terminal',
  (width) => {
    for (const all of [false, true])
      for (const line of [...lines(HOSTILE, width, all), ...lines(HEALTHY, width, all)]) {
        expect([line, displayWidth(line) <= Math.max(width, 40)]).toEqual([line, true]);
        // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not come out
        expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/);
      }
  },
);

test('in colour the same text', () => {
  const screen = screenOf({ isTTY: true, columns: 100 }, {});
  const coloured = statusPage(HOSTILE, { screen, now: NOW, all: false });
  expect(coloured.join('\n')).toContain('\x1b[31m');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: SGR sequences
  const bare = coloured.map((line) => line.replace(/\x1b\[\d+m/g, ''));
  expect(bare).toEqual(lines(HOSTILE).map((line) => expect.stringContaining(line)));
});
