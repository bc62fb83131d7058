/** From records to rows: what a recorded kernel gave, and every loss that can happen on the way. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { replay } from '../../tables/collector/recording.ts';
import { eventRow } from '../../tables/event.ts';
import { capture } from '../../tables/shell_history_live/capture.ts';
import { STATUS_UNKNOWN } from '../../tables/shell_history_live/records.ts';
import { spec } from '../../tables/shell_history_live/spec.ts';
import { goldenJson } from '../fixtures/shell/golden.ts';
import { assembled, BOOT, MS, Shell, viewOf, world } from '../fixtures/shell/records.ts';

const FIXTURES = join(__dirname, '../fixtures/shell');
const RAN = Number(MS);
/** What a command is without a loss: these change only where something was lost. */
const WHOLE = { truncated: 0, status: 'done' };

const typed = (line: string): Shell => new Shell().context().line(line);

describe('the recording of a real kernel', () => {
  const bytes = readFileSync(join(FIXTURES, 'demo.records'));

  test('gives exactly the rows of demo.json', () => {
    const { events, unreadable } = replay(bytes, capture.assembler(world));
    expect(unreadable).toBe(0);
    expect(goldenJson(events)).toBe(readFileSync(join(FIXTURES, 'demo.json'), 'utf8'));
  });

  test('has every column of the spec but the eid, which the ring gives', () => {
    const { events } = replay(bytes, capture.assembler(world));
    const columns = spec.columns.map(({ name }) => name).filter((name) => name !== 'eid');
    for (const event of events)
      expect(Object.keys(eventRow(spec, event)).sort()).toEqual([...columns].sort());
  });

  test('a recording that was cut short gives what is whole, and tells of the rest', () => {
    const { events, unreadable } = replay(bytes.subarray(0, -1), capture.assembler(world));
    expect([events.length, unreadable]).toEqual([8, 1]);
    const tail = replay(Buffer.concat([bytes, Buffer.from([1, 0])]), capture.assembler(world));
    expect([tail.events.length, tail.unreadable]).toEqual([9, 1]);
  });
});

describe('a command', () => {
  test('who, where, when: every member of the context', () => {
    const [row] = assembled(
      typed('ls')
        .wait(MS)
        .start()
        .wait(3n * MS)
        .end(2).records,
      {
        bootToUnix: 1_795_253_781_000_000_000n,
      },
    );
    expect(row).toEqual({
      time: 1_795_253_786,
      time_ns: 1_795_253_786_003_000_000n,
      uptime: 5,
      shell: 'bash',
      shell_path: '/usr/bin/bash',
      source: 'prompt',
      command: 'ls',
      command_length: 2,
      truncated: 0,
      expanded: null,
      exit_code: 2,
      duration: 4 * RAN,
      status: 'done',
      pid: 100,
      parent: 99,
      uid: 1000,
      euid: 0,
      gid: 1001,
      auid: 1002,
      session_id: 3,
      tty: 'pts0',
      cwd: '/home/ann',
      remote_address: null,
      remote_port: null,
      cgroup_id: 7,
      container_id: null,
      pid_namespace: 4_026_531_836,
    });
  });

  test('that was read but not run has duration 0', () => {
    expect(assembled(typed('# a comment').end().records)).toMatchObject([{ duration: 0 }]);
  });

  test('that was over before anything told has an exit code, and no duration', () => {
    const [row] = assembled(
      typed('true from-an-editor')
        .start()
        .wait(5n * MS)
        .endedBefore(3).records,
    );
    expect(row).toMatchObject({ ...WHOLE, exit_code: 3, duration: null });
  });

  test('of several lines: joined by newlines, each as typed', () => {
    const shell = typed('cat <<E').line('').line(' body ').line('E').start().end();
    expect(assembled(shell.records)).toMatchObject([
      { ...WHOLE, command: 'cat <<E\n\n body \nE', command_length: 17, expanded: null },
    ]);
  });

  test('of several lines of which one was expanded: the others stand as typed', () => {
    const shell = typed('if true').line('then !!').expanded('then ls').line('fi').start().end();
    expect(assembled(shell.records)).toMatchObject([
      { command: 'if true\nthen !!\nfi', expanded: 'if true\nthen ls\nfi', command_length: 18 },
    ]);
  });

  test('an expansion equal to what was typed is none', () => {
    const shell = typed('! true').expanded('! true').start().end();
    expect(assembled(shell.records)).toMatchObject([{ command: '! true', expanded: null }]);
  });

  test('a rejected expansion ends it; it never ran', () => {
    const shell = typed('!nosuchevent').rejected(1);
    expect(assembled(shell.records)).toMatchObject([
      { ...WHOLE, command: '!nosuchevent', exit_code: 1, duration: 0 },
    ]);
  });

  test('a rejected continuation line is taken back', () => {
    const shell = typed('echo a \\')
      .line('!nosuchevent')
      .rejected(1, false)
      .line('b')
      .start()
      .end();
    expect(assembled(shell.records)).toMatchObject([
      { ...WHOLE, command: 'echo a \\\nb', exit_code: 0 },
    ]);
  });

  test('histverify: the line that was edited takes the place of the one that was expanded', () => {
    const shell = typed('!!').expanded('').line('ls -l').start().end();
    expect(assembled(shell.records)).toMatchObject([
      { ...WHOLE, command: 'ls -l', command_length: 5, expanded: null },
    ]);
  });

  test.each([
    ['exit 3', 3 << 8, 3, 'done'],
    ['exit 255', 255 << 8, 255, 'done'],
    ['kill -9 $$', 9, 137, 'killed'],
    ['kill -ABRT $$', 6 | 0x80, 134, 'killed'],
  ])('the shell ends with it: %s', (line, status, exit_code, as) => {
    expect(assembled(typed(line).start().exit(status).records)).toMatchObject([
      { command: line, exit_code, status: as, duration: RAN, truncated: 0 },
    ]);
  });

  test('exec: the exit code is not known', () => {
    expect(assembled(typed('exec sh').start().exec().records)).toMatchObject([
      { command: 'exec sh', exit_code: null, status: 'exec', duration: RAN, truncated: 0 },
    ]);
  });

  test('a bash without the symbol of $?: the exit code is not known', () => {
    expect(assembled(typed('ls').start().end(STATUS_UNKNOWN).records)).toMatchObject([
      { ...WHOLE, exit_code: null },
    ]);
  });

  test('begun before the attach: its duration counts from the line', () => {
    const shell = new Shell().context({ late: true }).line('make').end(2);
    expect(assembled(shell.records)).toMatchObject([
      { ...WHOLE, time_ns: BOOT, duration: 2 * RAN, exit_code: 2 },
    ]);
  });

  test('in two shells at the same time', () => {
    const both: Buffer[] = [];
    const a = new Shell(100, both).context().line('sleep 9').start();
    const b = new Shell(200, both).context().line('ls').start().end(1);
    a.end(0);
    b.context().line('pwd').start().end(0);
    expect(assembled(both).map((row) => [row.pid, row.command, row.exit_code])).toEqual([
      [200, 'ls', 1],
      [100, 'sleep 9', 0],
      [200, 'pwd', 0],
    ]);
  });

  test('of an unknown target: its shell is not known', () => {
    expect(assembled(typed('ls').end().records, { target: () => undefined })).toMatchObject([
      { command: 'ls', shell: null, shell_path: null },
    ]);
  });

  test('that is given up runs still: no exit code, no duration; then nothing is left of it', () => {
    const assembler = capture.assembler(world);
    for (const bytes of typed('sleep 99').start().records)
      expect(assembler.accept(viewOf(bytes), 0, bytes.length)).toBeNull();
    expect([...assembler.openPids]).toEqual([100]);
    expect(eventRow(spec, assembler.abandon(100) ?? [])).toMatchObject({
      command: 'sleep 99',
      exit_code: null,
      duration: null,
      status: 'running at exit',
      truncated: 0,
    });
    expect([...assembler.openPids]).toEqual([]);
    expect(assembler.abandon(100)).toBeNull();
  });

  test('records of a process of which no context came are no event', () => {
    expect(assembled(new Shell().line('ls').start().end().exit(0).records)).toEqual([]);
  });
});

describe('the context', () => {
  const cwd = (options: Parameters<Shell['context']>[0]) =>
    assembled(new Shell().context(options).line('x').end().records)[0];

  test('the root directory, and one that is deeper than the kernel side walks', () => {
    expect(cwd({ cwd: [] })?.cwd).toBe('/');
    expect(cwd({ cwd: ['leaf', 'deep'], cwdWhole: false })?.cwd).toBeNull();
  });

  test('names that are not UTF-8', () => {
    expect(cwd({ cwd: [Buffer.from([0x61, 0xff]), 'ü'] })?.cwd).toBe('/ü/a\\xff');
  });

  test('no terminal', () => {
    expect(cwd({ tty: '' })?.tty).toBeNull();
  });
});

describe('a lost record', () => {
  test('of a line: what came is stored, and truncated tells', () => {
    const shell = typed('if true').lose().line('fi').start().end(4);
    expect(assembled(shell.records)).toMatchObject([
      { command: 'if true\nfi', truncated: 1, exit_code: 4, duration: RAN },
    ]);
  });

  test('of the only line: the command is not known', () => {
    const shell = new Shell().context().lose().start().end(4);
    expect(assembled(shell.records)).toMatchObject([
      { command: null, command_length: null, truncated: 1, exit_code: 4, duration: RAN },
    ]);
  });

  test('of the end: the next command closes it, with what came of it unknown', () => {
    const shell = typed('ls').start().lose().context().line('pwd').start().end(0);
    expect(assembled(shell.records)).toMatchObject([
      { command: 'ls', truncated: 1, exit_code: null, duration: null, status: 'done' },
      { ...WHOLE, command: 'pwd', exit_code: 0, duration: RAN },
    ]);
  });

  test('between two commands is neither’s', () => {
    const shell = typed('ls').end().lose().context().line('pwd').end();
    expect(assembled(shell.records)).toMatchObject([WHOLE, WHOLE]);
  });
});
