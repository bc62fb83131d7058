/** Who is behind a shell, over su and sudo; and many at once. */
import { CollectorProcess, type Row } from './collector-process.ts';
import { describeInstalled, describeLive } from './requires.ts';
import { closeShells, ShellSession } from './shell-session.ts';

const NOBODY = 65534;
const LOGIN = 12345;

let collector: CollectorProcess;
const start = async () => {
  collector = await CollectorProcess.start();
};
const end = () => collector.end();
afterEach(closeShells);

/** A shell after a login, where we may say who logged in. */
const loggedIn = (): Promise<ShellSession> =>
  ShellSession.open([
    ...['sh', '-c', `echo ${LOGIN} 2>/dev/null >/proc/self/loginuid; exec "$@"`, 'login'],
    ...['bash', '--norc', '--noprofile'],
  ]);

async function become(command: string): Promise<void> {
  const begin = BigInt(Date.now()) * 1_000_000n;
  const shell = await loggedIn();
  await shell.run(command);
  await shell.run('true inner');
  await shell.run('exit 3');
  const rows: Row[] = await collector.rows(
    `SELECT * FROM shell_history_live WHERE auid = ${LOGIN} AND time_ns >= ${begin} ORDER BY eid`,
    3,
  );
  const [inner, exit, outer] = rows;
  expect(rows.map((row) => [row.command, row.exit_code])).toEqual([
    ['true inner', 0],
    ['exit 3', 3],
    [command, 3],
  ]);
  expect(outer).toMatchObject({ uid: 0, euid: 0, pid: shell.pid });
  expect(inner).toMatchObject({ uid: NOBODY, euid: NOBODY, pid: exit?.pid });
  expect(inner?.pid).not.toBe(shell.pid);
  expect([inner?.auid, inner?.session_id]).toEqual([outer?.auid, outer?.session_id]);
  expect(outer?.auid).toBe(LOGIN);
}

describeLive('another user’s shell is its login’s still', () => {
  beforeAll(start);
  afterAll(end);

  test('su', () => become('su -s /bin/bash -- nobody --norc --noprofile'));
});

describeInstalled('sudo', 'another user’s shell is its login’s still', () => {
  beforeAll(start);
  afterAll(end);

  test('sudo', () => become('sudo -u nobody env PS1="$PS1" bash --norc --noprofile'));
});

describeLive('many shells at once', () => {
  beforeAll(start);
  afterAll(end);

  const SHELLS = 50;
  const COMMANDS = 20;

  test(`${SHELLS} shells, ${COMMANDS} commands typed into each: every one is there, once`, async () => {
    const shells = await Promise.all(Array.from({ length: SHELLS }, () => ShellSession.open()));
    const lines = Array.from({ length: COMMANDS }, (_, n) => `(exit ${n})`);
    const from = shells.map((shell) => shell.pty.output.length);
    for (const shell of shells) await shell.pty.type(lines.map((line) => `${line}\r`).join(''));
    const last = new RegExp(`\\[${COMMANDS - 1}\\]> $`);
    await Promise.all(shells.map((shell, i) => shell.pty.expect(last, from[i], 20_000)));
    const pids = shells.map((shell) => shell.pid).join(',');
    const rows = await collector.rows(
      `SELECT pid, command, exit_code FROM shell_history_live WHERE pid IN (${pids}) ORDER BY pid, eid`,
      SHELLS * COMMANDS,
    );
    const expected = shells
      .map(({ pid }) => pid)
      .sort((a, b) => a - b)
      .flatMap((pid) => lines.map((command, n) => ({ pid, command, exit_code: n })));
    expect(rows).toEqual(expected);
  }, 60_000);
});
