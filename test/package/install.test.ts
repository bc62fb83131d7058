/** The .deb on a machine: installed, started, used, upgraded, downgraded, removed. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { pinRoot } from '../../tables/collector/pins.ts';
import { until } from '../live/collector-process.ts';
import { describeInstalled } from '../live/requires.ts';
import { closeShells, ShellSession } from '../live/shell-session.ts';
import { Machine, SYSTEMD } from './machine.ts';

const OUT = path.resolve(__dirname, '../../build/package');
const EXTENSION = '/usr/lib/osquery/extensions/live_audit.ext';
const UNIT = '/usr/lib/systemd/system/live-audit.service';
const LIST = '/etc/osquery/extensions.load';
const SERVICE = 'live-audit.service';
const STATE = '/var/lib/live-audit';
const OLD = '0.0.1';
const NEW = '0.0.2';
/** Lines of others, the last without its newline. */
const OTHERS = '/opt/other.ext\n# a comment';
const MAX_BYTES = 45_000_000;
const MAX_START_S = 0.3;
/** Two to three seconds on a machine that has nothing else to do; tests run where others do, too. */
const MAX_FIRST_ROW_MS = 25_000;

/** include/uapi/linux/capability.h: DAC_READ_SEARCH, SYS_PTRACE, AUDIT_READ, PERFMON, BPF; not SYS_ADMIN (21). */
const CAPABILITIES = [2, 19, 37, 38, 39];
const mask = (bits: readonly number[]): string =>
  bits
    .reduce((sum, bit) => sum | (1n << BigInt(bit)), 0n)
    .toString(16)
    .padStart(16, '0');

const debOf = (version: string): string =>
  path.join(OUT, `live-audit_${version}-1_${process.arch === 'x64' ? 'amd64' : 'arm64'}.deb`);

const describePackage = fs.existsSync(SYSTEMD)
  ? (body: () => void) => describeInstalled('dpkg', 'the package', body)
  : (body: () => void) => describe.skip('the package (skipped: no systemd)', body);

describePackage(() => {
  let machine: Machine;
  let shell: ShellSession;

  const query = (sql: string): Record<string, string | number>[] =>
    JSON.parse(machine.ok('live-audit', 'query', '--json', sql));

  const commandsOf = ({ pid }: ShellSession): unknown[] =>
    query(`SELECT command FROM shell_history_live WHERE pid = ${pid} ORDER BY eid`).map(
      ({ command }) => command,
    );

  function install(version: string): void {
    machine.copy(debOf(version), '/run/live-audit.deb');
    machine.ok('dpkg', '-i', '/run/live-audit.deb');
  }

  const journal = (): string => machine.run('journalctl', '-u', SERVICE, '-o', 'cat').stdout;

  const isActive = (): boolean => machine.run('systemctl', 'is-active', SERVICE).status === 0;

  const pins = (): string[] =>
    fs.readdirSync('/sys/fs/bpf').filter((name) => name === path.basename(pinRoot(STATE)));

  beforeAll(async () => {
    for (const version of [OLD, NEW]) {
      const { status, stderr, stdout } = spawnSync(
        process.execPath,
        ['scripts/package.ts', '--arch', process.arch, '--format', 'deb', '--version', version],
        { encoding: 'utf8', cwd: path.resolve(__dirname, '../..'), env: { ...process.env } },
      );
      if (status !== 0) throw new Error(`${stdout}${stderr}`);
    }
    machine = await Machine.boot();
  }, 300_000);

  afterAll(async () => {
    closeShells();
    machine?.run('systemctl', 'stop', SERVICE);
    machine?.run(EXTENSION, 'collect', '--release');
    await machine?.halt();
    for (const version of [OLD, NEW]) fs.rmSync(debOf(version), { force: true });
  });

  test('is small, is installed by one command, and gives the first row soon', async () => {
    expect(fs.statSync(debOf(OLD)).size).toBeLessThan(MAX_BYTES);
    fs.mkdirSync(machine.file('/etc/osquery'));
    fs.writeFileSync(machine.file(LIST), OTHERS);
    const began = performance.now();
    install(OLD);
    shell = await ShellSession.open();
    await until(() => journal().includes(`collecting in ${STATE}`));
    await shell.run('echo first');
    await until(() => commandsOf(shell).length > 0);
    expect(performance.now() - began).toBeLessThan(MAX_FIRST_ROW_MS);
    expect(commandsOf(shell)).toEqual(['echo first']);
  }, 60_000);

  test('has the owner and mode that osquery wants, and its line beside those of others', () => {
    const { uid, gid, mode } = fs.statSync(machine.file(EXTENSION));
    expect([uid, gid, mode & 0o7777]).toEqual([0, 0, 0o755]);
    for (let dir = path.dirname(EXTENSION); dir !== '/'; dir = path.dirname(dir))
      expect(fs.statSync(machine.file(dir)).mode & 0o022).toBe(0);
    expect(fs.readFileSync(machine.file(LIST), 'utf8')).toBe(`${OTHERS}\n${EXTENSION}\n`);
  });

  test('starts with 300 ms of processor time', () => {
    const said = machine.ok('sh', '-c', 'live-audit version; times');
    expect(said).toContain(`live_audit ${OLD}`);
    const [, children = ''] = said.trim().split('\n').slice(-2);
    const seconds = [...children.matchAll(/(\d+)m([\d.]+)s/g)].map(
      ([, m, s]) => +`${m}` * 60 + +`${s}`,
    );
    expect(seconds).toHaveLength(2); // user and system
    expect((seconds[0] ?? 1) + (seconds[1] ?? 1)).toBeLessThan(MAX_START_S);
  });

  test('runs where memory and temporary directories are mounted noexec, and says where none is left', () => {
    const mounts = (options: string, ...directories: string[]): string =>
      directories.map((dir) => `mount -t tmpfs -o ${options} none ${dir};`).join(' ');
    const inside = (script: string) => machine.run('unshare', '--mount', 'sh', '-c', script);
    const all = mounts('noexec,mode=1777', '/dev/shm', '/run', '/var/lib', '/tmp', '/var/tmp');
    expect(inside(`${all} mount -o remount,exec /var/tmp; live-audit version`).stdout).toMatch(OLD);
    const named = 'LIVE_AUDIT_LIB_DIR=/srv live-audit version';
    expect(inside(`${all} ${mounts('mode=755', '/srv')} ${named}`).stdout).toMatch(OLD);
    // A directory in which others could exchange files is not used.
    const refused = inside(`${all} ${mounts('mode=777', '/srv')} ${named}`);
    expect([refused.status, refused.stdout]).toEqual([1, '']);
    expect(refused.stderr).toMatch(
      /^live_audit: koffi\.node .*\/srv: others may write.*\[EXTRACT\]: set LIVE_AUDIT_LIB_DIR.*\n$/,
    );
  });

  test('takes no flags of Node from outside', () => {
    const environment = ['env', 'NODE_OPTIONS=--require=/nothing/there.js'];
    expect(machine.ok(...environment, 'live-audit', 'version')).toContain(OLD);
  });

  test('runs with the capabilities of its unit and no way to more', () => {
    const pid = machine.ok('systemctl', 'show', '-P', 'MainPID', SERVICE).trim();
    const status = machine.ok('cat', `/proc/${pid}/status`);
    const field = (name: string) => new RegExp(`^${name}:\\s+(\\w+)`, 'm').exec(status)?.[1] ?? '';
    expect([field('NoNewPrivs'), field('Seccomp')]).toEqual(['1', '2']);
    expect(field('CapBnd')).toBe(mask(CAPABILITIES));
    expect(BigInt(`0x${field('CapPrm')}`) & ~BigInt(`0x${mask(CAPABILITIES)}`)).toBe(0n);
  });

  test('an upgrade and a downgrade keep history, and what is typed meanwhile', async () => {
    const typed = ['echo first'];
    for (const version of [NEW, OLD]) {
      await shell.run(`echo before ${version}`);
      install(version);
      await shell.run(`echo installed ${version}`);
      machine.ok('systemctl', 'stop', SERVICE);
      await shell.run(`echo stopped ${version}`);
      machine.ok('systemctl', 'start', SERVICE);
      await shell.run(`echo after ${version}`);
      typed.push(...['before', 'installed', 'stopped', 'after'].map((w) => `echo ${w} ${version}`));
      await until(() => commandsOf(shell).length >= typed.length);
      expect(commandsOf(shell)).toEqual(typed);
      expect(isActive()).toBe(true);
      expect(machine.ok('live-audit', 'version')).toContain(`live_audit ${version}`);
    }
  }, 120_000);

  test('is removed without a trace in osquery and kernel; the state goes with a purge', async () => {
    expect(pins()).toHaveLength(1);
    machine.ok('dpkg', '-r', 'live-audit');
    expect(isActive()).toBe(false);
    expect(pins()).toEqual([]);
    expect(fs.readFileSync(machine.file(LIST), 'utf8')).toBe(`${OTHERS}\n`);
    expect(fs.existsSync(machine.file(`${STATE}/shell_history_live.ring`))).toBe(true);
    machine.ok('dpkg', '-P', 'live-audit');
    for (const file of [STATE, '/etc/live-audit', EXTENSION, UNIT, '/usr/bin/live-audit'])
      expect(fs.existsSync(machine.file(file))).toBe(false);
  });
});
