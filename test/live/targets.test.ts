/** Binaries that come and go while the collector runs. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { CollectorProcess, until } from './collector-process.ts';
import { describeLive } from './requires.ts';
import { closeShells, ShellSession } from './shell-session.ts';

afterEach(closeShells);

/** A new binary is attached within a second of its first exec. */
const ATTACHED_MS = 1000;

/** A shell of a binary that the collector may not know yet. */
async function openNew(binary: string): Promise<ShellSession> {
  const shell = await ShellSession.open([binary, '--norc', '--noprofile']);
  await new Promise((resolve) => setTimeout(resolve, ATTACHED_MS));
  return shell;
}

describeLive('targets of a running collector', () => {
  let collector: CollectorProcess;
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'targets-'));
  beforeAll(async () => {
    collector = await CollectorProcess.start();
  });
  afterAll(async () => {
    await collector.end();
    fs.rmSync(directory, { recursive: true });
  });

  const copyOfBash = (name: string): string => {
    const copy = path.join(directory, name);
    fs.copyFileSync('/bin/bash', `${copy}.new`);
    fs.chmodSync(`${copy}.new`, 0o755);
    fs.renameSync(`${copy}.new`, copy);
    return copy;
  };
  const probesOf = (target: string) =>
    collector.query(`SELECT state FROM live_audit_probes WHERE target = '${target}'`);
  const commandsOf = async (pid: number, count: number) =>
    collector.rows(
      `SELECT command, exit_code, shell, shell_path FROM shell_history_live WHERE pid = ${pid}`,
      count,
    );

  test('a copy under another name: attached within a second of its first exec', async () => {
    const copy = copyOfBash('my-own-tool');
    const shell = await openNew(copy);
    await shell.run('(exit 3)');
    await shell.run('true');
    expect(await commandsOf(shell.pid, 2)).toEqual([
      { command: '(exit 3)', exit_code: 3, shell: 'bash', shell_path: copy },
      { command: 'true', exit_code: 0, shell: 'bash', shell_path: copy },
    ]);
  });

  test('an upgrade: the old binary, deleted and still running, and the new one', async () => {
    const binary = copyOfBash('upgraded');
    const before = await openNew(binary);
    await before.run('true old');
    copyOfBash('upgraded');
    const after = await openNew(binary);
    await after.run('true new');
    await before.run('true still old');
    expect((await commandsOf(before.pid, 2)).map((row) => row.command)).toEqual([
      'true old',
      'true still old',
    ]);
    expect((await commandsOf(after.pid, 1)).map((row) => row.command)).toEqual(['true new']);
  });

  test('a binary that is gone and runs no more is released, after its last rows', async () => {
    const binary = copyOfBash('short-lived');
    const shell = await openNew(binary);
    await shell.run('true');
    await until(() => probesOf(binary).length > 0);
    fs.rmSync(binary);
    await shell.pty.type('exit 7\r');
    await shell.pty.exited;
    expect((await commandsOf(shell.pid, 2)).at(-1)).toMatchObject({ exit_code: 7, shell: 'bash' });
    await until(() => probesOf(binary).length === 0, 25_000);
  }, 40_000);

  test('what was attached is taken over by the next collector, and what came meanwhile is found', async () => {
    const first = copyOfBash('first');
    const old = await openNew(first);
    await old.run('true');
    await commandsOf(old.pid, 1);
    await collector.stop('SIGKILL');
    const second = copyOfBash('second');
    const young = await openNew(second);
    collector = await collector.restarted();
    await old.run('(exit 4)');
    await young.run('(exit 5)');
    expect((await commandsOf(old.pid, 2))[1]).toMatchObject({ exit_code: 4, shell_path: first });
    expect(await commandsOf(young.pid, 1)).toMatchObject([{ exit_code: 5, shell_path: second }]);
  });
});
