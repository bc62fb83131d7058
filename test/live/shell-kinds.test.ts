/** Shells and ways to start them beyond a plain bash or zsh at a prompt. */
import fs from 'node:fs';
import { CollectorProcess, type Row } from './collector-process.ts';
import { describeInstalled, describeLive } from './requires.ts';
import { closeShells, ShellSession } from './shell-session.ts';

/** A cgroup as docker makes it, where we may make one. */
const CONTAINER = 'c3'.repeat(32);
const cgroup = makeCgroup();
afterAll(() => {
  try {
    if (cgroup !== null) fs.rmdirSync(cgroup);
  } catch {} // a shell that was just hung up may be in it still
});

function makeCgroup(): string | null {
  for (const root of ['/sys/fs/cgroup/cpu', '/sys/fs/cgroup/unified', '/sys/fs/cgroup']) {
    try {
      if (!fs.existsSync(`${root}/cgroup.procs`)) continue;
      fs.mkdirSync(`${root}/docker/${CONTAINER}`, { recursive: true });
      return `${root}/docker/${CONTAINER}`;
    } catch {}
  }
  return null;
}

let collector: CollectorProcess;
afterEach(closeShells);

const start = async () => {
  collector = await CollectorProcess.start();
};
const end = () => collector.end();
const rowsOf = (pid: number, count: number): Promise<Row[]> =>
  collector.rows(`SELECT * FROM shell_history_live WHERE pid = ${pid} ORDER BY eid`, count);

describeLive('other ways to start bash', () => {
  beforeAll(start);
  afterAll(end);

  test.each([
    ['--noediting', 'set -o history'],
    ['--noediting', 'set +o history'],
    ['--restricted', 'set +o history'],
  ])('bash %s, %s: text and exit code', async (option, first) => {
    const shell = await ShellSession.open(['bash', '--norc', '--noprofile', option, '-i']);
    await shell.run(first);
    await shell.run('sh -c "exit 4"');
    await shell.run('if true', 'then (exit 5)', 'fi');
    await shell.run('cat <<EOF >/dev/null; (exit 6)', 'body $HOME', '', '  more', 'EOF');
    await shell.run('(exit 7)');
    const rows = await rowsOf(shell.pid, 5);
    expect(rows.map((row) => [row.command, row.exit_code])).toEqual([
      [first, 0],
      ['sh -c "exit 4"', 4],
      ['if true\nthen (exit 5)\nfi', 5],
      ['cat <<EOF >/dev/null; (exit 6)\nbody $HOME\n\n  more\nEOF', 6],
      ['(exit 7)', 7],
    ]);
  });

  test('a shell in another mount and pid namespace has its pid as the host numbers it', async () => {
    const shell = await ShellSession.open([
      ...['unshare', '-pmf', '--mount-proc', 'bash', '--norc', '--noprofile'],
    ]);
    await shell.run('true in-namespace $$');
    const rows = await collector.rows(
      `SELECT pid, parent, pid_namespace FROM shell_history_live WHERE parent = ${shell.pid}`,
      1,
    );
    expect(rows[0]?.parent).toBe(shell.pid);
    expect(Number(rows[0]?.pid)).toBeGreaterThan(1);
    const [own] = collector.query(
      `SELECT count(*) AS n FROM shell_history_live WHERE pid_namespace = ${rows[0]?.pid_namespace}`,
    );
    expect(own?.n).toBe(1);
  });

  (cgroup === null ? test.skip : test)(
    'a shell in a container: the cgroup tells which (skipped where no cgroup can be made)',
    async () => {
      const shell = await ShellSession.open([
        ...['sh', '-c', `echo 0 >${cgroup}/cgroup.procs; exec "$@"`, 'container'],
        ...['unshare', '-pmf', '--mount-proc', 'bash', '--norc', '--noprofile'],
      ]);
      await shell.run('true in-container');
      const rows = await collector.rows(
        `SELECT container_id FROM shell_history_live WHERE parent = ${shell.pid}`,
        1,
      );
      expect(rows).toEqual([{ container_id: CONTAINER }]);
    },
  );

  test('the ssh client of the session leader', async () => {
    const shell = await ShellSession.open(undefined, {
      SSH_CONNECTION: '2001:db8::7 50022 192.0.2.1 22',
    });
    await shell.run('true');
    const [row] = await rowsOf(shell.pid, 1);
    expect([row?.remote_address, row?.remote_port]).toEqual(['2001:db8::7', 50022]);
  });
});

const LINE_SHELLS = [
  ['dash', ['dash', '-i']],
  ['busybox', ['busybox', 'sh', '-i']],
] as const;

for (const [program, argv] of LINE_SHELLS)
  describeInstalled(program, `${program} at a terminal`, () => {
    beforeAll(start);
    afterAll(end);

    test('commands of several lines: a row for each command', async () => {
      const shell = await ShellSession.open(argv);
      const typed = [
        ['true one'],
        ['for i in 1 2', 'do', '  sh -c "exit 4"', 'done'],
        ['echo "first', '', 'third" >/dev/null'],
        ['cat <<EOF >/dev/null; (exit 6)', 'body $HOME', '', '  more', 'EOF'],
        ['true &&', 'false'],
        ['true; \\', 'sh -c "exit 5"'],
        ['echo a \\', 'b \\', 'c >/dev/null'],
        ["echo 'ends in \\\\' >/dev/null # \\\\"],
        ['f() {', 'return 7', '}'],
        ['f'],
        ['case x in', 'x) (exit 8);;', 'esac'],
        ['X=$(true', 'sh -c "exit 9")'],
        ['. /dev/null; eval "true', 'false"'],
        ['echo $((1<<4)) >/dev/null'],
        ['true last'],
      ];
      const prompted: number[] = [];
      for (const lines of typed) prompted.push(await shell.run(...lines));
      const from = shell.pty.output.length;
      await shell.pty.type('if true\r');
      await shell.pty.expect(/more/, from);
      await shell.keys('\x03');
      await shell.run('true after Ctrl-C');
      const rows = await rowsOf(shell.pid, typed.length + 2);
      expect(rows.map((row) => row.command)).toEqual([
        ...typed.map((lines) => lines.join('\n')),
        ...['if true', 'true after Ctrl-C'],
      ]);
      expect(prompted).toEqual([0, 4, 0, 6, 1, 5, 0, 0, 0, 7, 8, 9, 1, 0, 0]);
    });

    test('around the attach: amid a command of several lines', async () => {
      await collector.end();
      const shell = await ShellSession.open(argv);
      const from = shell.pty.output.length;
      await shell.pty.type('for i in 1\rdo\r');
      await shell.pty.expect(/more[\s\S]*more/, from);
      await start();
      await shell.pty.type('true\r');
      await shell.run('done');
      await shell.run('for i in 1', 'do true', 'done');
      await shell.run('true last');
      const rows = await rowsOf(shell.pid, 3);
      expect(rows.map((row) => row.command)).toEqual([
        'done',
        'for i in 1\ndo true\ndone',
        'true last',
      ]);
    });

    test('lines, and nothing of what `read` reads', async () => {
      const shell = await ShellSession.open(argv);
      await shell.run('sh -c "exit 4"').catch(() => {});
      const from = shell.pty.output.length;
      await shell.pty.type('read PW; echo done-\r');
      await shell.pty.expect(/\r\n/, from);
      await shell.pty.type('hunter2secret\r');
      await shell.pty.expect(/\ndone-/, from);
      await shell.pty.type('exit 6\r');
      await shell.pty.exited;
      const rows = await rowsOf(shell.pid, 3);
      expect(rows.map((row) => [row.shell, row.command, row.exit_code])).toEqual([
        ['sh', 'sh -c "exit 4"', null],
        ['sh', 'read PW; echo done-', null],
        ['sh', 'exit 6', 6],
      ]);
      expect(rows[0]).toMatchObject({ source: 'prompt', status: 'done', truncated: 0 });
      expect(rows[0]?.tty).toBe(shell.pty.path.replace('/dev/pts/', 'pts'));
    });
  });
