/** `tail` of the executable, over a ring that holds known events and one that grows. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TailView } from '../../extension/cli/tail/view.ts';
import { displayWidth } from '../../extension/cli/terminal/text.ts';
import { Pty } from '../../native/pty.ts';
import { eventOf } from '../../tables/event.ts';
import { eventSpecs } from '../../tables/index.ts';
import { RingWriter } from '../../tables/ring/writer.ts';
import { spec } from '../../tables/shell_history_live/spec.ts';
import { shownColumns } from '../../tables/shown-columns.ts';
import { run, until } from '../live/collector-process.ts';
import { EXECUTABLE } from '../live/requires.ts';

const directory = mkdtempSync(join(tmpdir(), 'tail-'));
let writer: RingWriter;
let time = 1_795_000_000;
const append = (command: string, more: object = {}) =>
  writer.append(
    eventOf(spec, {
      ...{ time: time++, time_ns: BigInt(time) * 1_000_000_000n, uptime: 1, uid: 1000, pid: 7 },
      ...{ shell: 'bash', source: 'prompt', exit_code: 0, duration: 1_500_000, command, ...more },
    }),
  );
beforeAll(() => {
  writer = new RingWriter({ directory, spec, capacity: 65_536 });
  append('first');
  append('second', { uid: 0, exit_code: 1 });
  append('third \x1b[31m\n');
});
afterAll(() => {
  writer.close();
  rmSync(directory, { recursive: true });
});

/** Its output, once it has so many lines and was stopped. */
async function tail(count: number, args: readonly string[], meanwhile = () => {}) {
  const child = spawn(EXECUTABLE, ['tail', spec.name, '--state-dir', directory, ...args], {
    env: { PATH: process.env.PATH },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (data) => {
    if (output === '') meanwhile();
    output += data;
  });
  await until(() => output.split('\n').length > count);
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  expect(await exited).toBe(0);
  return output.trimEnd().split('\n');
}

test('the newest stored ones, then those that come; whole lines where nobody looks', async () => {
  const long = 'x'.repeat(500);
  const [header, ...rows] = await tail(4, ['--last', '2'], () => append(long));
  expect(header?.trim().split(/ +/)).toEqual(shownColumns(spec.name));
  expect(rows.map((row) => row.split(/ {2,}/).at(-1))).toEqual([
    'second',
    'third \\u001b[31m\\n',
    long,
  ]);
  expect(rows[0]).toMatch(/^\d\d:\d\d:\d\d +0 +- +7 +1 +1\.50 ms +- +second$/);
});

test('--where and --columns; --json with all columns or those', async () => {
  expect(
    await tail(2, ['--last', '9', '--where', 'uid = 0 -- root', '--columns', 'uid,command']),
  ).toEqual([
    expect.stringMatching(/^ *uid {2,}command$/),
    expect.stringMatching(/^ *0 {2,}second$/),
  ]);
  const where = "command LIKE 'f%'";
  const [line] = await tail(1, ['--json', '--last', '9', '--where', where]);
  expect(Object.keys(JSON.parse(line ?? ''))).toEqual(spec.columns.map(({ name }) => name));
  expect(
    await tail(1, ['--json', '--last', '9', '--where', where, '--columns', 'command, pid']),
  ).toEqual(['{"command":"first","pid":7}']);
});

test.each([
  [['--last', '-1'], 2, /--last/],
  [['--last', 'x'], 2, /--last takes a whole number/],
  [['--columns', 'command,nope'], 2, /has no column nope/],
  [['--columns', 'consumer'], 2, /has no column consumer/],
  [['--where', 'nope = 1'], 1, /--where nope = 1: no such column: nope.*\[SQL\]/],
  [['--where', '1) OR (SELECT'], 1, /\[SQL\]/],
])('%j is refused in one line', (args, status, reason) => {
  const result = run(['tail', spec.name, '--state-dir', directory, ...args]);
  expect(result).toMatchObject({ status, stdout: '' });
  expect(result.stderr).toMatch(/^live_audit: [^\n]+\n$/);
  expect(result.stderr).toMatch(reason);
});

test('on a terminal: colour, unless NO_COLOR; lines cut to it; controls escaped', async () => {
  const start = (env: object) =>
    new Pty([EXECUTABLE, 'tail', spec.name, '--last', '9', '--state-dir', directory], {
      env: { ...env },
    });
  const coloured = start({});
  await until(() => coloured.output.includes('third'));
  // The command is bold, exit code 1 red.
  expect(coloured.output).toContain('\x1b[1msecond\x1b[22m');
  expect(coloured.output).toContain('1\x1b[39m');
  expect(coloured.output).toContain('third \\u001b[31m\\n');
  coloured.child.kill('SIGTERM');
  await coloured.exited;
  const bare = start({ NO_COLOR: '1' });
  await until(() => bare.output.includes('third'));
  expect(bare.output).not.toContain('\x1b');
  bare.child.kill('SIGTERM');
  await bare.exited;
});

test.each([[20], [40], [80], [160]])('no line is wider than %d columns', (width) => {
  const view = new TailView(
    spec.columns.filter(({ name }) => shownColumns(spec.name).includes(name)),
    {
      width,
      paint: (_, text) => text,
    },
  );
  const values = ['/very/long/'.repeat(9), 'pts0', '日本語'.repeat(30)];
  const row = [1_795_000_000, 4294967295, ...values, 127, 5e9, 1];
  for (const line of [view.header(), view.row(row), view.row(row), view.row([])])
    expect(displayWidth(line)).toBeLessThanOrEqual(Math.max(width, 40));
});

test('each event table says which columns a terminal shows, and has them', () => {
  for (const { name, columns } of eventSpecs) {
    const shown = shownColumns(name);
    expect([name, shown.length > 3]).toEqual([name, true]);
    for (const column of shown) expect(columns.map((c) => c.name)).toContain(column);
  }
});
