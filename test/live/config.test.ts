/** What the config changes in a running collector. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileOffset, withElf } from '../../native/elf.ts';
import { findSymbols } from '../../native/elf-symbols.ts';
import { CollectorProcess, until } from './collector-process.ts';
import { describeLive } from './requires.ts';
import { closeShells, ShellSession } from './shell-session.ts';

afterEach(closeShells);

describeLive('the config of a running collector', () => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'config-'));
  const file = path.join(directory, 'config.json');
  let collector: CollectorProcess;
  const write = (config: object | string) => {
    fs.writeFileSync(`${file}.new`, typeof config === 'string' ? config : JSON.stringify(config), {
      mode: 0o600,
    });
    fs.renameSync(`${file}.new`, file);
  };
  beforeEach(async () => {
    write({});
    process.env.LIVE_AUDIT_CONFIG = file;
    collector = await CollectorProcess.start();
  });
  afterEach(async () => {
    await collector.end();
    delete process.env.LIVE_AUDIT_CONFIG;
  });
  afterAll(() => fs.rmSync(directory, { recursive: true }));

  const commands = (pid: number) =>
    collector
      .query(`SELECT command, truncated FROM shell_history_live WHERE pid = ${pid} ORDER BY eid`)
      .map((row) => [row.command, row.truncated]);

  test('a change is taken over while a shell goes on, and nothing is lost', async () => {
    const shell = await ShellSession.open();
    const long = `: ${'x'.repeat(600)}`;
    await shell.run(long);
    write({ max_text: 256 });
    await until(() => collector.stderr.includes('max_text changed'));
    await shell.run(long);
    write({});
    await until(() => collector.stderr.split('max_text changed').length === 3);
    await shell.run(long);
    await until(() => commands(shell.pid).length === 3);
    expect(commands(shell.pid)).toEqual([
      [long, 0],
      [long.slice(0, 256), 1],
      [long, 0],
    ]);
  });

  test('no change leaves descriptors behind', async () => {
    const descriptors = () => fs.readdirSync(`/proc/${collector.child.pid}/fd`).length;
    const before = descriptors();
    for (let i = 1; i <= 4; i++) {
      write({ max_text: 256 * i });
      await until(() => collector.stderr.split('max_text changed').length === i + 1);
    }
    await until(() => descriptors() <= before);
  });

  test('a wrong config is refused whole, with the key and the reason; the last good one stays', async () => {
    const shell = await ShellSession.open();
    write({ max_text: 256, ring_byte: 1 });
    await until(() => collector.stderr.includes('ring_byte'));
    expect(collector.stderr).toMatch(/config\.json: ring_byte: .*\[CONFIG\]/);
    write('{ not json');
    collector.child.kill('SIGHUP');
    await until(() => /is no JSON|JSON/.test(collector.stderr));
    const long = `: ${'y'.repeat(600)}`;
    await shell.run(long);
    await until(() => commands(shell.pid).length === 1);
    expect(commands(shell.pid)).toEqual([[long, 0]]);
  });

  test('keep_capture off: nothing stays attached when the collector stops', async () => {
    write({ keep_capture: false });
    await until(() => collector.stderr.includes('keep_capture changed'));
    const shell = await ShellSession.open();
    await shell.run('true seen');
    await until(() => commands(shell.pid).length === 1);
    const from = shell.pty.output.length;
    await shell.pty.type('sleep 30\r');
    await shell.pty.expect(/sleep 30\r\n/, from);
    await new Promise((resolve) => setTimeout(resolve, 200));
    await collector.stop('SIGTERM');
    expect(commands(shell.pid)).toEqual([
      ['true seen', 0],
      ['sleep 30', 0],
    ]);
    expect(
      collector.query(
        "SELECT exit_code, duration FROM shell_history_live WHERE status = 'running at exit'",
      ),
    ).toContainEqual({ exit_code: null, duration: null });
    const { stdout } = spawnSync('find', ['/sys/fs/bpf', '-path', '*links/*'], {
      encoding: 'utf8',
    });
    shell.pty.child.kill('SIGKILL');
    collector = await CollectorProcess.start();
    expect(stdout).not.toContain(path.basename(path.dirname(collector.stateDir)));
  });

  test('a table that is switched off is not captured, and its rows still answer', async () => {
    const shell = await ShellSession.open();
    await shell.run('true before');
    await until(() => commands(shell.pid).length === 1);
    write({ tables: { shell_history_live: false } });
    await until(() => collector.stderr.includes('tables changed'));
    await shell.run('true meanwhile');
    write({});
    await until(() => collector.stderr.split('tables changed').length === 3);
    await shell.run('true after');
    await until(() => commands(shell.pid).length === 2);
    expect(commands(shell.pid)).toEqual([
      ['true before', 0],
      ['true after', 0],
    ]);
  });

  test('a binary of the config is attached, whatever its name', async () => {
    const copy = path.join(directory, 'configured');
    fs.copyFileSync('/bin/bash', copy);
    fs.chmodSync(copy, 0o755);
    write({ targets: [{ program: 'bash', path: copy }] });
    await until(
      () => collector.query(`SELECT 1 FROM live_audit_probes WHERE target = '${copy}'`).length > 0,
    );
  });

  test('a build whose function is called otherwise, or has no symbol: the config says where it is', async () => {
    const bash = fs.readFileSync('/bin/bash');
    const binary = path.join(directory, 'hidden');
    const name = Buffer.from('\0read_command\0', 'latin1');
    const offset = withElf('/bin/bash', (elf) => {
      const symbol = findSymbols(elf, new Set(['read_command'])).get('read_command');
      return symbol ? fileOffset(elf, symbol.vaddr) : null;
    });
    const at = bash.indexOf(name);
    expect([at > 0, bash.indexOf(name, at + 1), offset !== null]).toEqual([true, -1, true]);
    bash.write('\0read_commanX\0', at, 'latin1');
    fs.writeFileSync(binary, bash, { mode: 0o755 });
    const configured = (symbols?: Record<string, string>) =>
      write({ targets: [{ program: 'bash', path: binary, ...(symbols && { symbols }) }] });
    const probes = () =>
      collector.query(
        `SELECT DISTINCT state, last_error FROM live_audit_probes WHERE target = '${binary}'`,
      );
    const changes = async (count: number) =>
      until(() => collector.stderr.split('targets changed').length === count + 1);

    configured();
    await changes(1);
    await until(() => probes().length > 0);
    expect(probes()).toMatchObject([
      {
        state: 'failed',
        last_error: expect.stringMatching(/no read_command .*targets\[\]\.symbols/),
      },
    ]);
    const shell = await ShellSession.open([binary, '--norc', '--noprofile']);
    for (const [i, place] of ['read_commanX', `0x${offset?.toString(16)}`].entries()) {
      configured({ read_command: place });
      await changes(i + 2);
      await until(() => probes().length === 1 && probes()[0]?.state === 'attached');
      await shell.run(`(exit ${i + 1})`);
      await until(() => commands(shell.pid).length === i + 1);
    }
    expect(commands(shell.pid)).toEqual([
      ['(exit 1)', 0],
      ['(exit 2)', 0],
    ]);

    configured({ read_command: 'nowhere' });
    await changes(4);
    await until(() => probes()[0]?.state === 'failed');
    expect(String(probes()[0]?.last_error)).toContain(
      'no nowhere, where the config has read_command',
    );
  }, 60_000);
});
