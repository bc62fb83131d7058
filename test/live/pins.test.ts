/** What a collector does with pins that do not fit, and without a place for pins. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import koffi from 'koffi';
import { openPinnedMap } from '../../native/bpf-map.ts';
import { pinRoot, tablePins } from '../../tables/collector/pins.ts';
import { CollectorProcess, query, type Row, release, until } from './collector-process.ts';
import { ledger } from './ledger.ts';
import { describeLive } from './requires.ts';
import { closeShells, ShellSession } from './shell-session.ts';

const TABLE = 'shell_history_live';
const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'pins-'));
const config = path.join(directory, 'config.json');
const configure = (values: object) =>
  fs.writeFileSync(config, JSON.stringify(values), { mode: 0o600 });

const commandsOf = (stateDir: string, pid: number): Row[] =>
  query(stateDir, `SELECT command, status FROM ${TABLE} WHERE pid = ${pid} ORDER BY eid`);

/** The one version that is pinned. */
function version(stateDir: string): string {
  const [only, ...others] = fs.readdirSync(tablePins(stateDir, TABLE));
  if (only === undefined || others.length > 0) throw new Error(`versions: ${only} ${others}`);
  return path.join(tablePins(stateDir, TABLE), only);
}

/** Names of a directory's entries, deeper ones by their path. */
const all = (root: string): string[] =>
  fs.existsSync(root) ? fs.readdirSync(root, { recursive: true, encoding: 'utf8' }) : [];

beforeEach(() => {
  configure({});
  process.env.LIVE_AUDIT_CONFIG = config;
});
afterEach(closeShells);
afterAll(() => {
  delete process.env.LIVE_AUDIT_CONFIG;
  fs.rmSync(directory, { recursive: true });
});

describeLive('pins', () => {
  let collector: CollectorProcess;
  let shell: ShellSession;
  beforeEach(async () => {
    collector = await CollectorProcess.start();
    shell = await ShellSession.open();
    await shell.run('true before');
    await until(() => commandsOf(collector.stateDir, shell.pid).length === 1);
  });
  afterEach(() => collector.end());

  /** A pin of another map that looks the same: the one of another collector. */
  async function foreign(maps: string, name: string): Promise<void> {
    const other = await CollectorProcess.start();
    const fd = openPinnedMap(path.join(version(other.stateDir), 'maps', name));
    if (fd === null) throw new Error(`no ${name}`);
    fs.rmSync(path.join(maps, name));
    const pin = koffi.load('libbpf.so.1').func('int bpf_obj_pin(int fd, const char *path)');
    expect(pin(fd, path.join(maps, name))).toBe(0);
    fs.closeSync(fd);
    await other.end();
  }

  test.each<[string, string, (version: string) => unknown]>([
    ['one of several is missing', 'damaged', (at) => fs.rmSync(`${at}/maps/shells`)],
    ['the kernel’s ring is missing', 'damaged', (at) => fs.rmSync(`${at}/maps/events`)],
    [
      'one is a pin of another map of ours',
      'damaged',
      (at) => fs.renameSync(`${at}/maps/scratch`, `${at}/maps/targets`),
    ],
    ['one is a map that only looks the same', 'damaged', (at) => foreign(`${at}/maps`, 'shells')],
    ['so is the kernel’s ring', 'damaged', (at) => foreign(`${at}/maps`, 'events')],
    [
      'a collector was killed while it made them',
      'unfinished',
      (at) =>
        all(at)
          .filter((name) => name.startsWith('seal-'))
          .map((name) => fs.rmdirSync(`${at}/${name}`)),
    ],
    [
      'the kernel’s ring has another size',
      'gets another size',
      () => configure({ kernel_ring_bytes: 65_536 }),
    ],
  ])('%s: replaced, with one line', async (_, reason, damage) => {
    await collector.stop('SIGKILL');
    const { stateDir } = collector;
    await damage(version(stateDir));
    collector = await collector.restarted();
    expect(collector.stderr.match(new RegExp(`${TABLE}: pins`, 'g'))).toHaveLength(1);
    expect(collector.stderr).toMatch(new RegExp(`${TABLE}: pins are replaced: .*${reason}`));
    await shell.run('true after');
    await until(() => commandsOf(stateDir, shell.pid).length === 2);
    expect(commandsOf(stateDir, shell.pid)).toEqual([
      { command: 'true before', status: 'done' },
      { command: 'true after', status: 'done' },
    ]);
    await ledger(collector);
    // What replaced them is gone on with.
    await collector.stop('SIGKILL');
    await shell.run('true meanwhile');
    collector = await collector.restarted();
    expect(collector.stderr).not.toMatch(/pins/);
    await until(() => commandsOf(stateDir, shell.pid).length === 3);
  });

  test('links that are missing are attached again, those of nothing known are removed', async () => {
    await collector.stop('SIGKILL');
    const links = `${version(collector.stateDir)}/links`;
    const [first = ''] = fs.readdirSync(links).filter((name) => /^\d+-0$/.test(name));
    fs.renameSync(`${links}/${first}`, `${links}/200-0`);
    fs.rmSync(`${links}/tracepoint-shell_exec`);
    collector = await collector.restarted();
    expect(fs.readdirSync(links)).toEqual(expect.arrayContaining([first, 'tracepoint-shell_exec']));
    expect(fs.readdirSync(links)).not.toContain('200-0');
    await shell.run('(exit 3)');
    await until(() => commandsOf(collector.stateDir, shell.pid).length === 2);
  });

  test('of another version: replaced; what was seen and not stored is closed or counted', async () => {
    const { stateDir } = collector;
    const from = shell.pty.output.length;
    await shell.pty.type('sleep 3\r');
    await shell.pty.expect(/sleep 3\r\n/, from);
    await new Promise((resolve) => setTimeout(resolve, 200));
    await collector.stop('SIGKILL');
    const other = await ShellSession.open();
    await other.run('true nobody looks');
    const at = version(stateDir);
    fs.renameSync(at, path.join(path.dirname(at), '0123456789ab'));
    collector = await collector.restarted();
    expect(collector.stderr.match(new RegExp(`${TABLE}: pins`, 'g'))).toHaveLength(1);
    expect(collector.stderr).toContain(`${TABLE}: pins of an earlier collector are removed`);
    expect(version(stateDir)).toBe(at);
    expect(commandsOf(stateDir, shell.pid)).toEqual([
      { command: 'true before', status: 'done' },
      { command: 'sleep 3', status: 'running at exit' },
    ]);
    expect(commandsOf(stateDir, other.pid)).toEqual([]);
    expect((await ledger(collector)).lost_incomplete).toBeGreaterThanOrEqual(1);
    await other.run('true again');
    await until(() => commandsOf(stateDir, other.pid).length === 1);
  });

  test('--release removes all of them, and their directories', async () => {
    const { stateDir } = collector;
    expect(all(pinRoot(stateDir)).length).toBeGreaterThan(10);
    await collector.stop('SIGTERM');
    expect(all(pinRoot(stateDir)).length).toBeGreaterThan(10);
    release(stateDir);
    expect(fs.existsSync(pinRoot(stateDir))).toBe(false);
  });

  test('keep_capture off: those of an earlier collector go, and none come', async () => {
    const { stateDir } = collector;
    await collector.stop('SIGKILL');
    configure({ keep_capture: false });
    collector = await collector.restarted();
    expect(fs.existsSync(pinRoot(stateDir))).toBe(false);
    await shell.run('true after');
    await until(() => commandsOf(stateDir, shell.pid).length === 2);
    expect(fs.existsSync(pinRoot(stateDir))).toBe(false);
  });
});

/** A shell command line before the collector, in a mount namespace of its own. */
const inNamespace = (script: string): string[] => [
  ...['unshare', '--mount', 'sh', '-c', `${script} && exec "$0" "$@"`],
];

describeLive('where the BPF file system is not mounted', () => {
  let collector: CollectorProcess;
  afterEach(() => collector.end());

  /** Whether it captures. */
  async function captures(): Promise<void> {
    const shell = await ShellSession.open();
    await shell.run('true here');
    await until(() => commandsOf(collector.stateDir, shell.pid).length === 1);
  }

  test('the collector mounts it', async () => {
    collector = await CollectorProcess.start(undefined, inNamespace('umount -l /sys/fs/bpf'));
    expect(collector.stderr).not.toMatch(/capture ends/);
    const mounts = fs.readFileSync(`/proc/${collector.child.pid}/mountinfo`, 'utf8');
    expect(mounts).toMatch(/ \/sys\/fs\/bpf .* - bpf /);
    await captures();
  });

  test('and cannot be: one line, and capture ends with the process', async () => {
    collector = await CollectorProcess.start(undefined, inNamespace('mount -t tmpfs none /sys/fs'));
    expect(collector.stderr).toMatch(
      /: capture ends with this process: no directory \/sys\/fs\/bpf \[NO_BPFFS\]: .*\n/,
    );
    expect(collector.stderr.trim().split('\n')).toHaveLength(2);
    await captures();
  });
});
