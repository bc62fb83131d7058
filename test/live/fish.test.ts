import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { CollectorProcess, type Row, until } from './collector-process.ts';
import { BUILD, describeInstalled, describeLive } from './requires.ts';
import { closeShells, ShellSession } from './shell-session.ts';

/** Typed lines, and `$status`. */
const CASES: readonly (readonly [readonly string[], number])[] = [
  [['true'], 0],
  [['false'], 1],
  [['false'], 1], // the same again, which fish's history does not hold twice
  [[' sh -c "exit 34"'], 34], // nor one after a space
  [['no-such-command-here'], 127],
  [['sh -c "kill -TERM \\$fish_pid" 2>/dev/null; sh -c "exit 42"'], 42],
  [['sh -c "kill -9 %self; exit 3" 2>/dev/null; false; true'], 0],
  [['begin; false; end'], 1],
  [['if true; false; end'], 1],
  [['for i in 1 2 3; test $i = 2; end'], 1],
  [['function f; return 7; end'], 0],
  [['f'], 7],
  [['eval "f"'], 7],
  [['true | false'], 1],
  [['not true'], 1],
  [['set X (false)'], 1],
  [['echo "Grüße, 世界 🌍" >/dev/null'], 0],
  [[`echo ${'z'.repeat(3000)} >/dev/null`], 0],
  [['if true', 'sh -c "exit 5"', 'end'], 5],
  [['cd /usr/lib'], 0],
  [['emit other_event'], 0],
];

const home = fs.mkdtempSync(path.join(os.tmpdir(), 'fish-'));
const PROMPT = 'function fish_prompt; echo "[$status]> "; end; function fish_greeting; end';

afterEach(closeShells);
afterAll(() => fs.rmSync(home, { recursive: true, force: true }));

describeInstalled('fish', 'a command typed in fish, read with SQL', () => {
  let collector: CollectorProcess;
  beforeAll(async () => {
    collector = await CollectorProcess.start();
  });
  afterAll(() => collector.end());

  const open = () => ShellSession.open(['fish', '--private', '-C', PROMPT], { HOME: home });
  const rowsOf = (pid: number, count: number): Promise<Row[]> =>
    collector.rows(`SELECT * FROM shell_history_live WHERE pid = ${pid} ORDER BY eid`, count);

  test(`${CASES.length} typed cases: text and exit code`, async () => {
    const shell = await open();
    const prompted: number[] = [];
    for (const [lines] of CASES) {
      const from = shell.pty.output.length;
      await shell.pty.type(`${lines.join('\n')}\r`);
      prompted.push(Number((await shell.pty.expect(/\[(\d+)\]> /, from))[1]));
    }
    const rows = await rowsOf(shell.pid, CASES.length);
    expect(rows.map((row) => [row.shell, row.command, row.exit_code])).toEqual(
      CASES.map(([lines, code]) => ['fish', lines.join('\n'), code]),
    );
    expect(rows[4]?.duration).toBeGreaterThan(0);
  }, 60_000);

  test.each([
    ['exit 3', 3, 'done'],
    ['kill -9 $fish_pid', 137, 'killed'],
    ['exec sh -c "exit 5"', null, 'exec'],
  ])('the shell ends with %s', async (line, code, status) => {
    const shell = await open();
    await shell.pty.type(`${line}\r`);
    await shell.pty.exited;
    const rows = await rowsOf(shell.pid, 1);
    expect(rows.map((row) => [row.command, row.exit_code, row.status])).toEqual([
      [line, code, status],
    ]);
  });

  test('what `read` reads is never captured', async () => {
    const shell = await open();
    for (const line of ['read --silent --prompt-str="pw: " PW', 'read --prompt-str="in: " PW']) {
      const from = shell.pty.output.length;
      await shell.pty.type(`${line}\r`);
      await shell.pty.expect(/\r\n[\s\S]*(pw|in): /, from);
      await shell.run('hunter2secret');
    }
    await shell.run('true');
    const rows = await rowsOf(shell.pid, 3);
    expect(rows.map((row) => String(row.command).slice(0, 6))).toEqual([
      'read -',
      'read -',
      'true',
    ]);
    expect(JSON.stringify(rows)).not.toContain('hunter2');
  });
});

/** Those of build/shells (scripts/build-shells.sh makes them). */
const SHELLS = path.join(BUILD, 'shells');
const fish4 = (fs.existsSync(SHELLS) ? fs.readdirSync(SHELLS).sort() : [])
  .filter((name) => name.startsWith('fish-4'))
  .map((name) => [name, fs.realpathSync(path.join(SHELLS, name, 'bin/fish'))] as const);

describeLive('other builds of fish', () => {
  let collector: CollectorProcess;
  beforeAll(async () => {
    collector = await CollectorProcess.start();
  });
  afterAll(() => collector.end());

  const probesOf = async (program: string): Promise<Row[]> => {
    spawnSync(program, ['--version']);
    const sql = `SELECT symbol, state, last_error FROM live_audit_probes WHERE target = '${program}' AND state <> 'waiting'`;
    await until(() => collector.query(sql).length > 0);
    return collector.query(sql);
  };

  (fish4.length > 0 ? test.each(fish4) : test.skip.each([['fish 4', 'none in build/shells']]))(
    '%s: all typed cases, and nothing of what `read` reads; without exit codes, which it says',
    async (_, program) => {
      const unknown = 'no $status: without exit_code';
      expect(await probesOf(program)).toEqual([
        { symbol: 'fish_preexec', state: 'attached', last_error: unknown },
        { symbol: 'fish_postexec', state: 'attached', last_error: unknown },
      ]);
      const argv = [program, '--features', 'no-query-term', '--private', '-C', PROMPT];
      const shell = await ShellSession.open(argv, { HOME: home, TERM: 'dumb' });
      for (const [lines] of CASES) {
        const from = shell.pty.output.length;
        await shell.pty.type(`${lines.join('\n')}\r`);
        await shell.pty.expect(/\[(\d+)\]> /, from);
      }
      const from = shell.pty.output.length;
      await shell.pty.type('read --silent --prompt-str="pw: " PW\r');
      await shell.pty.expect(/\n[\s\S]*pw: /, from);
      await shell.run('hunter2secret');
      const rows = await collector.rows(
        `SELECT * FROM shell_history_live WHERE pid = ${shell.pid} ORDER BY eid`,
        CASES.length + 1,
      );
      expect(rows.map((row) => [row.shell, row.command, row.exit_code])).toEqual(
        [...CASES.map(([lines]) => lines.join('\n')), 'read --silent --prompt-str="pw: " PW'].map(
          (command) => ['fish', command, null],
        ),
      );
      expect(rows[4]?.duration).toBeGreaterThan(0);
    },
    60_000,
  );

  test('one that says nothing of what it runs is shown as failed, with a line that says why', async () => {
    const program = path.join(home, 'fish');
    fs.copyFileSync('/bin/true', program);
    const probes = await probesOf(program);
    expect(probes.map(({ state }) => state)).toEqual(probes.map(() => 'failed'));
    expect(probes[0]?.last_error).toMatch(/^\S+\/fish: no fish_preexec \[NO_SYMBOL\]: [^\n]+$/);
  });
});
