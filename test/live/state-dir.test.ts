/** What befalls the state directory of a running collector: it goes on, and stored rows still answer. */
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { CollectorProcess, type Row, run, until } from './collector-process.ts';
import { Feeder } from './feeder.ts';
import { ledger } from './ledger.ts';
import { describeLive, EXECUTABLE } from './requires.ts';
import { closeShells, ShellSession } from './shell-session.ts';

const TABLE = 'shell_history_live';
const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'state-'));
const config = path.join(directory, 'config.json');

beforeAll(() => {
  process.env.LIVE_AUDIT_CONFIG = config;
});
beforeEach(() => fs.writeFileSync(config, '{}', { mode: 0o600 }));
afterEach(closeShells);
afterAll(() => {
  delete process.env.LIVE_AUDIT_CONFIG;
  fs.rmSync(directory, { recursive: true });
});

const commandsOf = (collector: CollectorProcess, pid: number): Row[] =>
  collector.query(`SELECT eid, command FROM ${TABLE} WHERE pid = ${pid} ORDER BY eid`);

/** Lines of the log that match. */
const logged = (collector: CollectorProcess, pattern: RegExp): string[] =>
  collector.stderr.split('\n').filter((line) => pattern.test(line));

describeLive('a state directory that is full', () => {
  const mount = path.join(directory, 'small');
  const filler = path.join(mount, 'filler');
  let collector: CollectorProcess;
  beforeEach(() => {
    fs.mkdirSync(mount);
    const size = ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', mount];
    const { status, stderr } = spawnSync('mount', size, { encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
  });
  afterEach(async () => {
    await collector.end();
    spawnSync('umount', ['-l', mount]);
    fs.rmSync(mount, { recursive: true });
  });

  test('is said once; what does not fit is counted, also over a kill; what is stored answers; it goes on', async () => {
    collector = await CollectorProcess.start(path.join(mount, 'state')); // a ring of 16 MiB
    const feeder = new Feeder();
    await feeder.burst(100);
    await until(() => commandsOf(collector, feeder.pid).length === 100);
    fs.writeFileSync(filler, '');
    spawnSync('dd', ['if=/dev/zero', `of=${filler}`, 'bs=64k'], { stdio: 'ignore' });
    await feeder.burst(10_007); // more than what has its blocks already
    await until(() => logged(collector, /not stored/).length > 0);
    const kept = commandsOf(collector, feeder.pid);
    expect(kept.length).toBeGreaterThan(100);
    await collector.stop('SIGKILL');
    await feeder.burst(101);
    collector = await collector.restarted();
    await until(() => logged(collector, /not stored/).length > 0);
    fs.rmSync(filler);
    await until(() => logged(collector, /stored again/).length > 0);
    const from = feeder.sent;
    await feeder.burst(97);
    await feeder.finish();
    await until(
      () => commandsOf(collector, feeder.pid).at(-1)?.command === Feeder.command(feeder.sent - 1),
    );
    const rows = commandsOf(collector, feeder.pid);
    expect(rows.slice(0, kept.length)).toEqual(kept);
    expect(rows.slice(-97).map(({ command }) => command)).toEqual(
      Array.from({ length: 97 }, (_, n) => Feeder.command(from + n)),
    );
    expect(new Set(rows.map(({ command }) => command)).size).toBe(rows.length);
    const { lost_store, lost_reserve, lost_incomplete } = await ledger(collector);
    expect({ lost_reserve, lost_incomplete }).toEqual({ lost_reserve: 0, lost_incomplete: 0 });
    expect(rows.length).toBe(feeder.sent - Number(lost_store));
    expect(collector.stderr).toMatch(
      /shell_history_live: events are not stored, and counted as lost_store: .*\[RING_IO\]: check space/,
    );
    expect(logged(collector, /not stored/)).toHaveLength(1);
    expect(logged(collector, /stored again; \d+ were not/)).toHaveLength(1);
  }, 60_000);
});

describeLive('files of a state directory', () => {
  let collector: CollectorProcess;
  let shell: ShellSession;
  const ring = () => path.join(collector.stateDir, `${TABLE}.ring`);
  beforeEach(async () => {
    collector = await CollectorProcess.start();
    shell = await ShellSession.open();
    await shell.run('true before');
    await until(() => commandsOf(collector, shell.pid).length === 1);
  });
  afterEach(() => collector.end());

  const commands = () => commandsOf(collector, shell.pid).map(({ command }) => command);

  test('the ring file is cut under readers: one line, no crash; the next collector sets it aside', async () => {
    const tail = spawn(EXECUTABLE, ['tail', TABLE, '--state-dir', collector.stateDir], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    tail.stderr.on('data', (data) => {
      said += data;
    });
    await collector.stop('SIGTERM');
    fs.truncateSync(ring(), 5000);
    const args = ['query', '--state-dir', collector.stateDir, `SELECT * FROM ${TABLE}`];
    const { status, stderr, stdout } = run(args);
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^live_audit: .*shell_history_live\.ring: .*\[RING_DAMAGED\].*\n$/);
    collector = await collector.restarted();
    expect(logged(collector, /set aside as .*shell_history_live\.ring\.corrupt/)).toHaveLength(1);
    await shell.run('true after');
    await until(() => commands().includes('true after'));
    expect(tail.signalCode).toBeNull();
    tail.kill('SIGTERM');
    await new Promise((resolve) => tail.once('exit', resolve));
    expect(said.split('\n').length).toBeLessThan(5);
    await ledger(collector);
  });

  test('the ring file is removed under the collector: begun anew, said once', async () => {
    const [before] = commandsOf(collector, shell.pid);
    fs.rmSync(ring());
    await until(() => logged(collector, /begun anew/).length === 1);
    await shell.run('true after');
    await until(() => commands().length === 1);
    expect(commands()).toEqual(['true after']);
    expect(Number(commandsOf(collector, shell.pid)[0]?.eid)).toBeGreaterThan(Number(before?.eid));
    expect(logged(collector, /shell_history_live: its ring file was removed/)).toHaveLength(1);
    await ledger(collector);
    await collector.stop('SIGKILL');
    await shell.run('true meanwhile');
    collector = await collector.restarted();
    await until(() => commands().length === 2);
    expect(commands()).toEqual(['true after', 'true meanwhile']);
  });

  test('the whole directory is removed: it is made again, and nobody else can collect in it', async () => {
    fs.rmSync(collector.stateDir, { recursive: true });
    await until(() => logged(collector, /begun anew/).length === 1);
    await shell.run('true after');
    await until(() => commands().length === 1);
    const { status, stderr } = run(['collect', '--state-dir', collector.stateDir]);
    expect([status, stderr]).toEqual([1, expect.stringContaining('[COLLECTOR_RUNS]')]);
  });
});
