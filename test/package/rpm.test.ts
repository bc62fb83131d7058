/** The .rpm on a machine: its scriptlets with a systemd that runs, install, upgrade, downgrade, erase. */
import fs from 'node:fs';
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

/** Its own: Debian's rpm would take root's, in the home directory. */
const DATABASE = ['--dbpath', '/var/lib/rpm-test'] as const;
/** The libraries there are of dpkg's. */
const RPM = ['rpm', ...DATABASE, '--nodeps'] as const;

describePackage('rpm', 'the rpm', () => {
  let machine: Machine;
  let shell: ShellSession;

  const listed = (): string => fs.readFileSync(machine.file(LIST), 'utf8');

  function install(version: string): void {
    machine.copy(packageOf('rpm', version), '/run/live-audit.rpm');
    machine.ok(...RPM, '--upgrade', '--oldpackage', '/run/live-audit.rpm');
  }

  beforeAll(async () => {
    buildPackages('rpm');
    machine = await Machine.boot();
  }, 300_000);

  afterAll(async () => {
    closeShells();
    machine?.run('systemctl', 'stop', SERVICE);
    machine?.run(EXTENSION, 'collect', '--release');
    await machine?.halt();
    removePackages('rpm');
  });

  test('is installed by one command: files, list, unit, and the service runs', async () => {
    fs.mkdirSync(machine.file('/etc/osquery'));
    fs.writeFileSync(machine.file(LIST), OTHERS);
    machine.copy(packageOf('rpm', OLD), '/run/live-audit.rpm');
    machine.ok(...RPM, '--install', '/run/live-audit.rpm');
    const { uid, gid, mode } = fs.statSync(machine.file(EXTENSION));
    expect([uid, gid, mode & 0o7777]).toEqual([0, 0, 0o755]);
    expect(machine.ok(...RPM, '--verify', 'live-audit')).toBe('');
    expect(listed()).toBe(`${OTHERS}\n${EXTENSION}\n`);
    expect(machine.ok('systemctl', 'is-enabled', SERVICE).trim()).toBe('enabled');
    expect(isActive(machine)).toBe(true);
    await until(() => journal(machine).includes(`collecting in ${STATE}`));
    shell = await ShellSession.open();
    await shell.run('echo first');
    await until(() => commandsOf(machine, shell).length > 0);
    expect(commandsOf(machine, shell)).toEqual(['echo first']);
  }, 60_000);

  test('an upgrade and a downgrade keep history, config and lists, and what is typed meanwhile', async () => {
    const typed = ['echo first'];
    const config = JSON.stringify({ state_dir: STATE, max_text: 4096 });
    fs.writeFileSync(machine.file(CONFIG), config);
    for (const version of [NEW, OLD]) {
      await typeAround(machine, shell, version, typed, install);
      expect(commandsOf(machine, shell)).toEqual(typed);
      expect(isActive(machine)).toBe(true);
      expect(machine.ok('live-audit', 'version')).toContain(`live_audit ${version}`);
      expect(machine.ok('rpm', ...DATABASE, '-q', '--qf', '%{VERSION}', 'live-audit')).toBe(
        version,
      );
      expect(fs.readFileSync(machine.file(CONFIG), 'utf8')).toBe(config);
      expect(listed()).toBe(`${OTHERS}\n${EXTENSION}\n`);
    }
  }, 120_000);

  test('is erased without a trace in osquery, systemd and kernel; rpm has no purge: rings stay', () => {
    expect(pins()).toHaveLength(1);
    machine.ok(...RPM, '--erase', 'live-audit');
    expect(isActive(machine)).toBe(false);
    expect(machine.run('systemctl', 'is-enabled', SERVICE).status).not.toBe(0);
    expect(pins()).toEqual([]);
    expect(listed()).toBe(`${OTHERS}\n`);
    for (const file of [EXTENSION, UNIT, '/usr/bin/live-audit', CONFIG])
      expect(fs.existsSync(machine.file(file))).toBe(false);
    // What was edited is put aside, as rpm does.
    expect(fs.existsSync(machine.file(`${CONFIG}.rpmsave`))).toBe(true);
    expect(fs.existsSync(machine.file(`${STATE}/shell_history_live.ring`))).toBe(true);
  });
});
