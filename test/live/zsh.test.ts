import { CollectorProcess, type Row } from './collector-process.ts';
import { describeInstalled } from './requires.ts';
import { closeShells, ShellSession } from './shell-session.ts';
import { ZSH_CASES, ZSH_ENV } from './zsh-cases.ts';

const ZSH = ['zsh', '-f', '-i'];
const openZsh = () => ShellSession.open(ZSH, ZSH_ENV);

afterEach(closeShells);

describeInstalled('zsh', 'a command typed in zsh, read with SQL', () => {
  let collector: CollectorProcess;
  beforeAll(async () => {
    collector = await CollectorProcess.start();
  });
  afterAll(() => collector.end());

  const commandsOf = (pid: number, count: number): Promise<Row[]> =>
    collector.rows(`SELECT * FROM shell_history_live WHERE pid = ${pid} ORDER BY eid`, count);

  test(`${ZSH_CASES.length} typed cases: text, expansion and exit code`, async () => {
    const shell = await openZsh();
    const prompted: number[] = [];
    for (const { typed } of ZSH_CASES) prompted.push(await shell.run(...typed));
    const rows = await commandsOf(shell.pid, ZSH_CASES.length);
    shell.close();
    expect(prompted).toEqual(ZSH_CASES.map((c) => c.exit));
    expect(
      rows.map(({ shell: name, command, exit_code, expanded, status, truncated }) => ({
        ...{ name, command, exit_code, expanded, status, truncated },
      })),
    ).toEqual(
      ZSH_CASES.map(({ typed, exit, expanded }) => ({
        name: 'zsh',
        command: typed.join('\n'),
        exit_code: exit,
        expanded: expanded ?? null,
        status: 'done',
        truncated: 0,
      })),
    );
  }, 120_000);

  test.each([
    ['exit 3', 3, 'done'],
    ['kill -9 $$', 137, 'killed'],
    ['exec sh -c "exit 5"', null, 'exec'],
  ])('the shell ends with %s', async (line, code, status) => {
    const shell = await openZsh();
    await shell.pty.type(`${line}\r`);
    await shell.pty.exited;
    const rows = await commandsOf(shell.pid, 1);
    expect(rows.map((row) => [row.command, row.exit_code, row.status])).toEqual([
      [line, code, status],
    ]);
  });

  test('what a program reads is never captured', async () => {
    const shell = await openZsh();
    const secret = 'hunter2secret';
    for (const [line, prompt] of [
      ['vared -p "va: " -c PW', /\n[\s\S]*va: /],
      ['read -s "PW?rs: "', /\n[\s\S]*rs: /],
      ['PS3="se: "; select i in a; do break; done', /\n[\s\S]*se: /],
    ] as const) {
      const from = shell.pty.output.length;
      await shell.pty.type(`${line}\r`);
      await shell.pty.expect(prompt, from);
      await shell.run(secret);
    }
    const rows = await commandsOf(shell.pid, 3);
    expect(rows.map((row) => String(row.command).slice(0, 4))).toEqual(['vare', 'read', 'PS3=']);
    expect(JSON.stringify(rows)).not.toContain(secret);
  });

  test('a paste of several lines is one command, as zsh has it', async () => {
    const shell = await openZsh();
    await shell.pty.type('\x1b[200~true one\ntrue two; false\n(exit 3)\x1b[201~\r');
    await shell.pty.expect(/\[3\]> /);
    await shell.keys('\x1b[200~for i in 1 2\ndo false\ndone\x1b[201~\r');
    await shell.run('setopt histverify');
    const rows = await commandsOf(shell.pid, 3);
    expect(rows.map((row) => [row.command, row.exit_code])).toEqual([
      ['true one\ntrue two; false\n(exit 3)', 3],
      ['for i in 1 2\ndo false\ndone', 1],
      ['setopt histverify', 0],
    ]);
    const from = shell.pty.output.length;
    await shell.pty.type('!!\r');
    await shell.pty.expect(/setopt histverify[^\n]*$/, from);
    await shell.keys('\x15true verified\r');
    const last = (await commandsOf(shell.pid, 5)).at(-1);
    expect([last?.command, last?.exit_code]).toEqual(['true verified', 0]);
  });

  test('what r and fc ran', async () => {
    const shell = await openZsh();
    await shell.run('FCEDIT="sed -i s/one/two/"');
    await shell.run('true one');
    await shell.run('r');
    await shell.run('fc true');
    await shell.run('(exit 3) !:$');
    const rows = await commandsOf(shell.pid, 5);
    expect(rows.map((row) => [row.command, row.expanded]).slice(1)).toEqual([
      ['true one', null],
      ['r', 'true one'],
      ['fc true', 'true two'],
      ['(exit 3) !:$', '(exit 3) two'],
    ]);
  });

  test('Ctrl-C of a running command', async () => {
    const shell = await openZsh();
    const from = shell.pty.output.length;
    await shell.pty.type('sleep 60\r');
    await shell.pty.expect(/\r\n/, from);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(await shell.keys('\x03')).toBe(130);
    const rows = await commandsOf(shell.pid, 1);
    expect(rows.map((row) => [row.command, row.exit_code])).toEqual([['sleep 60', 130]]);
  });
});

describeInstalled('zsh', 'around the attach', () => {
  test('a zsh that waits at its prompt when the collector comes: its next command is whole', async () => {
    const early = await openZsh();
    const collector = await CollectorProcess.start();
    await early.run('sh -c "exit 11"');
    await early.run('true');
    const rows = await collector.rows(
      `SELECT command, exit_code FROM shell_history_live WHERE pid = ${early.pid}`,
      2,
    );
    await collector.end();
    expect(rows).toEqual([
      { command: 'sh -c "exit 11"', exit_code: 11 },
      { command: 'true', exit_code: 0 },
    ]);
  });
});
