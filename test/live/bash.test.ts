import { BASH_CASES } from './bash-cases.ts';
import { CollectorProcess, type Row, until } from './collector-process.ts';
import { describeLive } from './requires.ts';
import { closeShells, ShellSession } from './shell-session.ts';

afterEach(closeShells);

const settled = () => new Promise((resolve) => setTimeout(resolve, 200));

describeLive('a command typed in bash, read with SQL', () => {
  let collector: CollectorProcess;
  beforeAll(async () => {
    collector = await CollectorProcess.start();
  });
  afterAll(() => collector.end());

  const commandsOf = (pid: number, count: number): Promise<Row[]> =>
    collector.rows(`SELECT * FROM shell_history_live WHERE pid = ${pid} ORDER BY eid`, count);

  test(`${BASH_CASES.length} typed cases: text, expansion and exit code`, async () => {
    const shell = await ShellSession.open();
    const prompted: number[] = [];
    for (const { typed } of BASH_CASES) prompted.push(await shell.run(...typed));
    const rows = await commandsOf(shell.pid, BASH_CASES.length);
    shell.close();
    expect(prompted).toEqual(BASH_CASES.map((c) => c.exit));
    expect(
      rows.map(({ command, exit_code, expanded, status, truncated }) => ({
        command,
        exit_code,
        expanded,
        status,
        truncated,
      })),
    ).toEqual(
      BASH_CASES.map(({ typed, exit, expanded }) => ({
        command: typed.join('\n'),
        exit_code: exit,
        expanded: expanded ?? null,
        status: 'done',
        truncated: 0,
      })),
    );
  }, 120_000);

  test('who, where and when', async () => {
    const shell = await ShellSession.open();
    const before = Date.now() / 1000;
    await shell.run('cd /usr/share');
    await shell.run('sleep 0.3');
    const [first, second] = await commandsOf(shell.pid, 2);
    shell.close();
    expect(first).toMatchObject({
      shell: 'bash',
      shell_path: '/usr/bin/bash',
      source: 'prompt',
      cwd: '/tmp',
      pid: shell.pid,
      parent: process.pid,
      uid: 0,
      euid: 0,
      gid: 0,
      tty: shell.pty.path.replace('/dev/pts/', 'pts'),
      command_length: 13,
    });
    expect(second?.cwd).toBe('/usr/share');
    expect(second?.duration).toBeGreaterThan(0.3e9);
    expect(second?.duration).toBeLessThan(5e9);
    expect(Number(second?.time)).toBeGreaterThanOrEqual(Math.floor(before));
    expect(Number(second?.time)).toBeLessThanOrEqual(Date.now() / 1000);
    expect(Math.floor(Number(second?.time_ns) / 1e9)).toBe(second?.time);
    expect(Number(second?.eid)).toBeGreaterThan(Number(first?.eid));
  });

  test('Ctrl-C: of a running command, of a half-typed command', async () => {
    const shell = await ShellSession.open();
    const from = shell.pty.output.length;
    await shell.pty.type('sleep 60\r');
    await shell.pty.expect(/sleep 60\r\n/, from);
    await settled();
    expect(await shell.keys('\x03')).toBe(130);
    const more = shell.pty.output.length;
    await shell.pty.type('echo "half\r');
    await shell.pty.expect(/more/, more);
    await settled(); // a ^C just before readline is ready is answered without a prompt
    expect(await shell.keys('\x03')).toBe(130);
    await shell.pty.type('never entered');
    await settled();
    await shell.keys('\x03');
    await settled();
    expect(await shell.run('true')).toBe(0);
    const rows = await commandsOf(shell.pid, 3);
    shell.close();
    expect(rows.map((row) => [row.command, row.exit_code])).toEqual([
      ['sleep 60', 130],
      ['echo "half', 130],
      ['true', 0],
    ]);
    expect(rows[1]?.duration).toBe(0);
  });

  test.each([
    ['exit 3', 3, 'done'],
    ['exit', 0, 'done'],
    ['(exit 4); exit', 4, 'done'],
    ['kill -9 $$', 137, 'killed'],
    ['kill -HUP $$', 129, 'killed'],
    ['exec sh -c "exit 5"', null, 'exec'],
    ['set -e; false', 1, 'done'],
    ['trap "exit 9" EXIT; exit 3', 9, 'done'],
  ])('the shell ends with %s', async (line, code, status) => {
    const shell = await ShellSession.open();
    await shell.pty.type(`${line}\r`);
    await shell.pty.exited;
    const rows = await commandsOf(shell.pid, 1);
    shell.close();
    expect(rows.map((row) => [row.command, row.exit_code, row.status])).toEqual([
      [line, code, status],
    ]);
  });

  test('what an editor gave: to fc, to C-x C-e, to v in vi mode', async () => {
    const shell = await ShellSession.open();
    await shell.run('export EDITOR="sed -i s/xx/yy/" VISUAL=');
    await shell.run('true after');
    for (const key of ['\x18\x05', '\x1bv']) {
      const from = shell.pty.output.length;
      await shell.pty.type(`false xx${key}`);
      await shell.pty.expect(/false yy\r\n[\s\S]*\]> /, from);
      await shell.run('set -o vi');
    }
    await shell.run('fc -e "sed -i s/after/fced/" "true a"');
    const rows = await commandsOf(shell.pid, 7);
    expect(rows.map((row) => row.command).slice(1)).toEqual([
      ...['true after', 'false yy', 'set -o vi', 'false yy', 'set -o vi'],
      'fc -e "sed -i s/after/fced/" "true a"\ntrue fced',
    ]);
    expect(rows[2]).toMatchObject({ duration: null, status: 'done', truncated: 0 });
  });

  test('keys that expand the history while a line is typed tell no line', async () => {
    const shell = await ShellSession.open();
    await shell.run('bind "Space: magic-space"');
    await shell.run('true b');
    await shell.run('!! and more');
    const rows = await commandsOf(shell.pid, 3);
    expect(rows.map((row) => [row.command, row.expanded])).toEqual([
      ['bind "Space: magic-space"', null],
      ['true b', null],
      ['true b and more', null],
    ]);
  });

  test('what a program reads is never captured', async () => {
    const shell = await ShellSession.open();
    const secret = 'hunter2secret';
    const from = shell.pty.output.length;
    await shell.pty.type('read -e -p "in: " PW\r');
    await shell.pty.expect(/hin: $/, from); // behind the terminal's bracketed-paste switch
    await shell.run(secret);
    await shell.pty.type('PROMPT_COMMAND=\'read -e -p "pc: " PW; unset PROMPT_COMMAND\'\r');
    await shell.pty.expect(/pc: $/);
    await shell.run(secret);
    await shell.run('read -s PW <<< x');
    const rows = await commandsOf(shell.pid, 3);
    shell.close();
    expect(rows.map((row) => row.command)).toEqual([
      'read -e -p "in: " PW',
      'PROMPT_COMMAND=\'read -e -p "pc: " PW; unset PROMPT_COMMAND\'',
      'read -s PW <<< x',
    ]);
    expect(JSON.stringify(collector.query('SELECT * FROM shell_history_live'))).not.toContain(
      secret,
    );
  });

  test('a paste of several lines is a command for each, or one that goes over them', async () => {
    const shell = await ShellSession.open();
    const paste = (text: string) => shell.keys(`\x1b[200~${text}\x1b[201~\r`);
    await paste('(exit 2)');
    // Each has a prompt of its own, but only the last one's is waited for.
    await shell.pty.type('\x1b[200~true one\ntrue two; false\n(exit 3)\x1b[201~\r');
    await shell.pty.expect(/\[3\]> $/);
    await paste('for i in 1 2\ndo false\ndone');
    await paste("echo 'first\nsecond' >/dev/null");
    await shell.run('set +o history');
    await shell.pty.type('\x1b[200~true four\n(exit 5)\x1b[201~\r');
    await shell.pty.expect(/\[5\]> $/);
    const rows = await commandsOf(shell.pid, 9);
    expect(rows.map((row) => [row.command, row.exit_code, row.command_length])).toEqual(
      [
        ['(exit 2)', 2],
        ['true one', 0],
        ['true two; false', 1],
        ['(exit 3)', 3],
        ['for i in 1 2\ndo false\ndone', 1],
        ["echo 'first\nsecond' >/dev/null", 0],
        ['set +o history', 0],
        ['true four', 0],
        ['(exit 5)', 5],
      ].map(([command, code]) => [command, code, String(command).length]),
    );
  });

  test('control bytes and a hostile prompt do not reach whoever reads the table', async () => {
    const shell = await ShellSession.open();
    // ^V takes the next key as it is
    await shell.run(': \x16\x1b[2J \x16\x07 \u0085 end');
    await shell.run("PS1='\\e]0;owned\\a[$?]> '");
    await shell.run('cd "$(mktemp -d /tmp/esc-XXXX)" && mkdir $\'a\\e[2J\' && cd a*');
    await shell.run('rm -r "$OLDPWD"');
    const rows = await commandsOf(shell.pid, 4);
    expect(rows[0]?.command).toBe(': \\x1b[2J \\x07 \\xc2\\x85 end');
    expect(rows[1]?.command).toBe("PS1='\\e]0;owned\\a[$?]> '");
    expect(rows[3]?.cwd).toMatch(/\/a\\x1b\[2J$/);
  });

  test('a nested shell has rows of its own, and the outer command ends with it', async () => {
    const shell = await ShellSession.open();
    await shell.run('bash --norc --noprofile');
    await shell.run('true inner');
    await shell.run('exit 21');
    const rows = await collector.rows(
      `SELECT a.command, a.exit_code, a.parent = ${shell.pid} AS inner FROM shell_history_live a
       WHERE a.pid = ${shell.pid} OR a.parent = ${shell.pid} ORDER BY eid`,
      3,
    );
    shell.close();
    expect(rows).toEqual([
      { command: 'true inner', exit_code: 0, inner: 1 },
      { command: 'exit 21', exit_code: 21, inner: 1 },
      { command: 'bash --norc --noprofile', exit_code: 21, inner: 0 },
    ]);
  });

  test('bytes that are not UTF-8, and a paste of 64 KB', async () => {
    const shell = await ShellSession.open(undefined, { LC_ALL: 'C' });
    await shell.run(Buffer.from([0x3a, 0x20, 0x61, 0xff, 0xc3, 0x28, 0xe4, 0xbd, 0xa0]));
    const long = `: ${'0123456789abcdef'.repeat(4096)}`;
    const pasted = shell.pty.output.length;
    await shell.pty.type('\x1b[200~');
    await shell.pty.type(long);
    await shell.pty.type('\x1b[201~\r');
    await shell.pty.expect(/\[0\]> $/, pasted, 60_000);
    const rows = await commandsOf(shell.pid, 2);
    shell.close();
    expect(rows[0]).toMatchObject({ command: ': a\\xff\\xc3(你', command_length: 9 });
    expect(rows[1]?.command).toBe(long);
    expect(rows[1]).toMatchObject({ command_length: long.length, truncated: 0 });
  }, 90_000);

  test('the ledger balances', async () => {
    let ring: Row | undefined;
    // Other tests type at the same time: what they are at is seen and not stored yet.
    await until(() => {
      [ring] = collector.query('SELECT * FROM live_audit_rings');
      return ring?.events_seen === ring?.events_stored;
    });
    const lost = Object.entries(ring ?? {}).filter(([name]) => name.startsWith('lost_'));
    expect(lost.map(([, n]) => n)).toEqual(lost.map(() => 0));
    const [{ n, span } = { n: 0, span: 0 }] = collector.query(
      'SELECT count(*) AS n, max(eid) - min(eid) + 1 AS span FROM shell_history_live',
    );
    expect(Number(n) + Number(ring?.overwritten)).toBeGreaterThanOrEqual(
      Number(ring?.events_stored),
    );
    expect(span).toBe(n);
  });
});

describeLive('around the attach', () => {
  test('a shell that waits at its prompt when the collector comes: its next command is whole', async () => {
    const early = await ShellSession.open();
    const collector = await CollectorProcess.start();
    await early.run('sh -c "exit 11"');
    await early.run('true');
    const rows = await collector.rows(
      `SELECT command, exit_code, status, duration FROM shell_history_live WHERE pid = ${early.pid}`,
      2,
    );
    early.close();
    expect(await collector.stop()).toBe(0);
    await collector.end();
    expect(rows).toMatchObject([
      { command: 'sh -c "exit 11"', exit_code: 11, status: 'done' },
      { command: 'true', exit_code: 0, status: 'done' },
    ]);
    expect(rows[0]?.duration).toBeGreaterThan(0);
  });
});
