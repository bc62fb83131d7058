/** The .deb on a machine: installed, started, used, upgraded, downgraded, removed. */
import fs from 'node:fs';
import path from 'node:path';
import { until } from '../live/collector-process.ts';
import { closeShells, ShellSession } from '../live/shell-session.ts';
import { Machine } from './machine.ts';
import {
  buildPackages,
  CONFIG,
  commandsOf,
  describePackage,
  EXTENSION,
  isActive,
  journal,
  LIST,
  NEW,
  OLD,
  OTHERS,
  packageOf,
  pins,
  removePackages,
  SERVICE,
  STATE,
  typeAround,
  UNIT,
} from './packages.ts';

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

describePackage('dpkg', 'the package', () => {
  let machine: Machine;
  let shell: ShellSession;

  function install(version: string): void {
    machine.copy(packageOf('deb', version), '/run/live-audit.deb');
    machine.ok('dpkg', '-i', '/run/live-audit.deb');
  }

  beforeAll(async () => {
    buildPackages('deb');
    machine = await Machine.boot();
  }, 300_000);

  afterAll(async () => {
    closeShells();
    machine?.run('systemctl', 'stop', SERVICE);
    machine?.run(EXTENSION, 'collect', '--release');
    await machine?.halt();
    removePackages('deb');
  });

  test('is small, is installed by one command, and gives the first row soon', async () => {
    expect(fs.statSync(packageOf('deb', OLD)).size).toBeLessThan(MAX_BYTES);
    fs.mkdirSync(machine.file('/etc/osquery'));
    fs.writeFileSync(machine.file(LIST), OTHERS);
    const began = performance.now();
    install(OLD);
    shell = await ShellSession.open();
    await until(() => journal(machine).includes(`collecting in ${STATE}`));
    await shell.run('echo first');
    await until(() => commandsOf(machine, shell).length > 0);
    expect(performance.now() - began).toBeLessThan(MAX_FIRST_ROW_MS);
    expect(commandsOf(machine, shell)).toEqual(['echo first']);
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
    const config = JSON.stringify({ state_dir: STATE, max_text: 4096 });
    fs.writeFileSync(machine.file(CONFIG), config);
    for (const version of [NEW, OLD]) {
      await typeAround(machine, shell, version, typed, install);
      expect(commandsOf(machine, shell)).toEqual(typed);
      expect(isActive(machine)).toBe(true);
      expect(machine.ok('live-audit', 'version')).toContain(`live_audit ${version}`);
      expect(fs.readFileSync(machine.file(CONFIG), 'utf8')).toBe(config);
      expect(fs.readFileSync(machine.file(LIST), 'utf8')).toBe(`${OTHERS}\n${EXTENSION}\n`);
    }
  }, 120_000);

  test('is removed without a trace in osquery and kernel; the state goes with a purge', async () => {
    expect(pins()).toHaveLength(1);
    machine.ok('dpkg', '-r', 'live-audit');
    expect(isActive(machine)).toBe(false);
    expect(pins()).toEqual([]);
    expect(fs.readFileSync(machine.file(LIST), 'utf8')).toBe(`${OTHERS}\n`);
    expect(fs.existsSync(machine.file(`${STATE}/shell_history_live.ring`))).toBe(true);
    machine.ok('dpkg', '-P', 'live-audit');
    for (const file of [STATE, '/etc/live-audit', EXTENSION, UNIT, '/usr/bin/live-audit'])
      expect(fs.existsSync(machine.file(file))).toBe(false);
  });
});
