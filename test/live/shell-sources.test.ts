/** Where commands come from, and which the config wants: `shell` of the config. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { unifiedMount } from '../../native/cgroup.ts';
import { CollectorProcess, type Row, until } from './collector-process.ts';
import { describeLive } from './requires.ts';
import { closeShells, ShellSession } from './shell-session.ts';

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'sources-'));
const config = path.join(directory, 'config.json');
let collector: CollectorProcess;

const write = (shell: object): void => {
  fs.writeFileSync(`${config}.new`, JSON.stringify({ shell }), { mode: 0o600 });
  fs.renameSync(`${config}.new`, config);
};
/** The collector looks for cgroups so often, and a little more. */
const SWEEP_MS = 2500;
let changes = 0;
const change = async (shell: object): Promise<void> => {
  write(shell);
  changes++;
  await until(() => collector.stderr.split('shell changed').length > changes);
};
const start = (shell: object) => async () => {
  write(shell);
  changes = 0;
  process.env.LIVE_AUDIT_CONFIG = config;
  collector = await CollectorProcess.start();
};
const end = async () => {
  await collector.end();
  delete process.env.LIVE_AUDIT_CONFIG;
};
afterEach(closeShells);
afterAll(() => fs.rmSync(directory, { recursive: true }));

const rowsOf = (pid: number, count: number): Promise<Row[]> =>
  collector.rows(`SELECT * FROM shell_history_live WHERE pid = ${pid} ORDER BY eid`, count);

/** Run a program to its end. @returns its pid */
function run(argv: readonly string[], input = ''): number {
  const [command = '', ...args] = argv;
  return spawnSync(command, args, { input, cwd: '/tmp' }).pid;
}

describeLive('commands of no prompt, where the config asks for them', () => {
  beforeAll(start({ sources: ['prompt', 'command_string', 'script', 'stdin'] }));
  afterAll(end);

  const story = (rows: readonly Row[]) =>
    rows.map(({ source, command, exit_code }) => [source, command, exit_code]);

  test.each([
    ['bash', 'true', 0],
    ['bash', 'true one; (exit 3)', 3],
    ['bash', 'if true\nthen exit 4\nfi', 4],
    ['bash', 'sh -c "exit 5"', 5], // becomes that program
    ['bash', 'eval "(exit 6)"; trap "exit 7" EXIT; (exit 8)', 7],
    ['bash', 'echo "two', 2], // a mistake
    ['zsh', 'eval "true"; (exit 9)', 9],
  ])('%s -c %j', async (shell, command, code) => {
    const pid = run([shell, '-c', command]);
    expect(story(await rowsOf(pid, 1))).toEqual([['command_string', command, code]]);
  });

  const SCRIPT = `# a comment
true first
f() {
  return 7
}
f
read LINE < /etc/hostname; cat <<EOF > /dev/null
$LINE
EOF
. /dev/null; eval false
exit 11
true never
`;
  const SHELLS = ['bash', 'zsh'].filter((shell) => fs.existsSync(`/usr/bin/${shell}`));
  const COMMANDS = [
    ['true first', 0],
    ['f() {\n  return 7\n}', 0],
    ['f', 7],
    ['read LINE < /etc/hostname; cat <<EOF > /dev/null\n$LINE\nEOF', 0],
    ['. /dev/null; eval false', 1],
    ['exit 11', 11],
  ];

  const script = (text: string): string => {
    const file = path.join(directory, 'script');
    fs.writeFileSync(file, text);
    return file;
  };

  test.each(SHELLS)('a script of %s', async (shell) => {
    const pid = run([shell, script(SCRIPT)]);
    const rows = await rowsOf(pid, COMMANDS.length);
    expect(story(rows)).toEqual(COMMANDS.map((command) => ['script', ...command]));
  });

  test.each(SHELLS)(
    'a script of %s from standard input, and nothing of what it reads there',
    async (shell) => {
      const pid = run([shell], `read SECRET\nhunter2secret\n${SCRIPT}`);
      const rows = await rowsOf(pid, COMMANDS.length + 1);
      expect(story(rows)).toEqual(
        [['read SECRET', 0], ...COMMANDS].map((command) => ['stdin', ...command]),
      );
    },
  );

  const ZSH_SCRIPT = [
    ['echo "Grüße, 世界 🌍 àÀ" >/dev/null', 0],
    ['alias -g G="| false"; alias two="true; false"', 0],
    ['true G', 1],
    ['two', 1],
    ['X=$(true\n  sh -c "exit 9")', 9],
    ['. =(print "true in\\ntrue a file\\n(exit 12)")', 12],
    ['eval "true\n(exit 13)"', 13],
    ['f() {\n  local a\n\n  # a comment\n  return 7\n}', 0],
    ['TRAPUSR1() { eval "true"; return 0 }; kill -USR1 $$', 0],
    ['(exit 17) # behind it', 17],
    [`echo ${'z'.repeat(20_000)} >/dev/null`, 0],
    ['true \\\n  && false', 1],
    ['exec sh -c "exit 5"', null],
  ] as const;

  (fs.existsSync('/usr/bin/zsh') ? test : test.skip).each([
    ['from a file', 'script'],
    ['from standard input', 'stdin'],
  ])('what zsh alone has, %s', async (_, source) => {
    const text = ZSH_SCRIPT.map(([command]) => `${command}\n`).join('\n# a comment\n');
    const pid = source === 'script' ? run(['zsh', '-f', script(text)]) : run(['zsh', '-f'], text);
    expect(story(await rowsOf(pid, ZSH_SCRIPT.length))).toEqual(
      ZSH_SCRIPT.map((command) => [source, ...command]),
    );
  });

  test('a prompt is a prompt still', async () => {
    const shell = await ShellSession.open();
    await shell.run('true');
    expect(story(await rowsOf(shell.pid, 1))).toEqual([['prompt', 'true', 0]]);
  });
});

describeLive('filters of the config', () => {
  beforeAll(start({}));
  afterAll(end);

  /** The commands of two shells that each typed `N; M` under a config. */
  const kept = async (shell: ShellSession): Promise<unknown[]> => {
    await shell.run('exec 3>&-'); // which only shows that all before it was stored
    const sql = `SELECT command FROM shell_history_live WHERE pid = ${shell.pid} ORDER BY eid`;
    await collector.rows(`${sql} LIMIT 1`, 1);
    return collector.query(sql).map((row) => row.command);
  };

  test('only prompts where nothing is said', async () => {
    const pid = run(['bash', '-c', 'true']);
    const stdin = run(['bash'], 'true\n');
    const shell = await ShellSession.open();
    await shell.run('true');
    await rowsOf(shell.pid, 1);
    expect(
      collector.query(`SELECT command FROM shell_history_live WHERE pid IN (${pid}, ${stdin})`),
    ).toEqual([]);
  });

  const mount = unifiedMount();
  const why = mount === null ? ' (skipped: no cgroup2 is mounted)' : '';
  const inCgroups = mount === null ? test.skip : test;
  inCgroups(
    `cgroups: kept or dropped with all below them, also one that comes later${why}`,
    async () => {
      const name = `/live-audit-test-${process.pid}`;
      const inner = path.join(mount ?? '', name, 'inner');
      const shell = await ShellSession.open();
      const other = await ShellSession.open();
      const both = async (label: string) => {
        for (const session of [shell, other]) await session.run(`true ${label}`);
      };
      await change({ cgroup: { drop: [name, '/never there'] } });
      await both('before');
      fs.mkdirSync(inner, { recursive: true });
      try {
        fs.writeFileSync(path.join(inner, 'cgroup.procs'), String(shell.pid));
        await setTimeout(SWEEP_MS);
        await both('dropped');
        await change({ cgroup: { keep: [name] } });
        await both('kept');
        fs.writeFileSync(path.join(mount ?? '', 'cgroup.procs'), String(shell.pid));
        await both('nowhere');
        await change({});
        expect(await kept(shell)).toEqual(['true before', 'true kept', 'exec 3>&-']);
        expect(await kept(other)).toEqual(['true before', 'true dropped', 'exec 3>&-']);
      } finally {
        fs.rmdirSync(inner);
        fs.rmdirSync(path.dirname(inner));
      }
    },
  );

  test('exit code, pid, uid and auid: kept or dropped, and each change is taken over', async () => {
    const shell = await ShellSession.open();
    const other = await ShellSession.open();
    const both = async (label: string) => {
      for (const session of [shell, other]) {
        await session.run(`true ${label}`);
        await session.run(`false ${label}`);
      }
    };
    await both('default');
    await change({ exit_code: { drop: [0] } });
    await both('failures');
    await change({ exit_code: { keep: [0, 130] } });
    await both('successes');
    await change({ pid: { drop: [shell.pid] } });
    await both('pid dropped');
    await change({ pid: { keep: [shell.pid, 1] } });
    await both('pid kept');
    await change({ uid: { drop: [0] } });
    await both('uid dropped');
    await change({ uid: { keep: [0] }, auid: { keep: [12345] } });
    await both('auid kept');
    await change({});
    expect(await kept(shell)).toEqual([
      ...['true default', 'false default', 'false failures', 'true successes'],
      ...['true pid kept', 'false pid kept', 'exec 3>&-'],
    ]);
    expect(await kept(other)).toEqual([
      ...['true default', 'false default', 'false failures', 'true successes'],
      ...['true pid dropped', 'false pid dropped', 'exec 3>&-'],
    ]);
  });

  test('a probe of a source is attached when the config asks for it, and gone when it does not', async () => {
    const probes = () =>
      collector.query(
        `SELECT DISTINCT symbol FROM live_audit_probes
         WHERE table_name = 'shell_history_live' AND symbol = 'parse_and_execute' AND state = 'attached'`,
      ).length;
    expect(probes()).toBe(0);
    await change({ sources: ['command_string'] });
    await until(() => probes() === 1);
    const pid = run(['bash', '-c', '(exit 3)']);
    expect((await rowsOf(pid, 1)).map((row) => row.exit_code)).toEqual([3]);
    await change({});
    await until(() => probes() === 0);
  });
});
