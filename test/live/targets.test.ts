/** Binaries that come and go while the collector runs. */
import { spawn, spawnSync } from 'node:child_process';
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
  /** Each state and error that the probes of a target have. */
  const statesOf = (target: string) =>
    collector.query(
      `SELECT DISTINCT state, last_error FROM live_audit_probes WHERE target = '${target}'`,
    );
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

  test('one that is called bash and is none: shown as failed, with what would help, until it is gone', async () => {
    const impostor = path.join(directory, 'bash');
    fs.copyFileSync('/bin/sleep', impostor);
    const child = spawn(impostor, ['60']);
    await until(() => statesOf(impostor).length > 0);
    expect(statesOf(impostor)).toEqual([
      {
        state: 'failed',
        last_error: `${impostor}: no read_command [NO_SYMBOL]: install the debug symbols of its package (-dbgsym, -debuginfo), or name the place in the config: \`targets[].symbols\``,
      },
    ]);
    child.kill();
    fs.rmSync(impostor);
    await until(() => statesOf(impostor).length === 0, 25_000);
  }, 40_000);

  test('in a chroot, in a mount namespace and on overlayfs: what is typed there is captured', async () => {
    const root = path.join(directory, 'root');
    const libraries = spawnSync('ldd', ['/bin/bash'], { encoding: 'utf8' }).stdout.match(/\/\S+/g);
    for (const file of ['/bin/bash', ...(libraries ?? [])]) {
      fs.mkdirSync(path.join(root, path.dirname(file)), { recursive: true });
      fs.copyFileSync(file, path.join(root, file));
    }
    for (const name of ['upper', 'work', 'merged']) fs.mkdirSync(path.join(directory, name));
    const layers = `lowerdir=${root},upperdir=${directory}/upper,workdir=${directory}/work`;
    const overlay = `mount -t overlay overlay -o ${layers} ${directory}/merged`;
    const typed = 'exec "$0" --norc --noprofile';
    const places = {
      chroot: ['chroot', root, '/bin/bash', '--norc', '--noprofile'],
      namespace: [
        ...['unshare', '-m', 'sh', '-c'],
        `mount -t tmpfs none /mnt && cp /bin/bash /mnt/shell && exec /mnt/shell --norc --noprofile`,
      ],
      overlay: [
        'unshare',
        '-m',
        'sh',
        '-c',
        `${overlay} && ${typed}`,
        `${directory}/merged/bin/bash`,
      ],
    };
    for (const [place, argv] of Object.entries(places)) {
      const shell = await ShellSession.open(argv);
      await new Promise((resolve) => setTimeout(resolve, ATTACHED_MS));
      await shell.run(`(exit 5) # ${place}`);
      expect(await commandsOf(shell.pid, 1)).toMatchObject([
        { command: `(exit 5) # ${place}`, exit_code: 5, shell: 'bash' },
      ]);
      shell.close();
    }
  });
});
