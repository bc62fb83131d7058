/** The packages that the tests install, in two versions, and what is the same of them on any machine. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { pinRoot } from '../../tables/collector/pins.ts';
import { until } from '../live/collector-process.ts';
import { describeInstalled } from '../live/requires.ts';
import type { ShellSession } from '../live/shell-session.ts';
import { type Machine, SYSTEMD } from './machine.ts';

const ROOT = path.resolve(__dirname, '../..');
const OUT = path.join(ROOT, 'build/package');

export const EXTENSION = '/usr/lib/osquery/extensions/live_audit.ext';
export const UNIT = '/usr/lib/systemd/system/live-audit.service';
export const LIST = '/etc/osquery/extensions.load';
export const CONFIG = '/etc/live-audit/config.json';
export const SERVICE = 'live-audit.service';
export const STATE = '/var/lib/live-audit';
export const OLD = '0.0.1';
export const NEW = '0.0.2';
/** Lines of others, the last without its newline. */
export const OTHERS = '/opt/other.ext\n# a comment';

type Format = 'deb' | 'rpm';

const isX64 = process.arch === 'x64';

export const packageOf = (format: Format, version: string): string =>
  path.join(
    OUT,
    format === 'deb'
      ? `live-audit_${version}-1_${isX64 ? 'amd64' : 'arm64'}.deb`
      : `live-audit-${version}-1.${isX64 ? 'x86_64' : 'aarch64'}.rpm`,
  );

export function buildPackages(format: Format): void {
  for (const version of [OLD, NEW]) {
    const { status, stderr, stdout } = spawnSync(
      process.execPath,
      ['scripts/package.ts', '--arch', process.arch, '--format', format, '--version', version],
      { encoding: 'utf8', cwd: ROOT, env: { ...process.env } },
    );
    if (status !== 0) throw new Error(`${stdout}${stderr}`);
  }
}

export function removePackages(format: Format): void {
  for (const version of [OLD, NEW]) fs.rmSync(packageOf(format, version), { force: true });
}

/** @param program that installs the package */
export const describePackage = (program: string, name: string, body: () => void): void =>
  fs.existsSync(SYSTEMD)
    ? describeInstalled(program, name, body)
    : describe.skip(`${name} (skipped: no systemd)`, body);

export const query = (machine: Machine, sql: string): Record<string, string | number>[] =>
  JSON.parse(machine.ok('live-audit', 'query', '--json', sql));

export const commandsOf = (machine: Machine, { pid }: ShellSession): unknown[] =>
  query(machine, `SELECT command FROM shell_history_live WHERE pid = ${pid} ORDER BY eid`).map(
    ({ command }) => command,
  );

export const journal = (machine: Machine): string =>
  machine.run('journalctl', '-u', SERVICE, '-o', 'cat').stdout;

export const isActive = (machine: Machine): boolean =>
  machine.run('systemctl', 'is-active', SERVICE).status === 0;

/** Of this machine's state directory; bpffs is the kernel's. */
export const pins = (): string[] =>
  fs.readdirSync('/sys/fs/bpf').filter((name) => name === path.basename(pinRoot(STATE)));

/** @param typed what the shell's rows are before; what is typed is added */
export async function typeAround(
  machine: Machine,
  shell: ShellSession,
  version: string,
  typed: string[],
  install: (version: string) => void,
): Promise<void> {
  const type = async (text: string) => {
    await shell.run(text);
    typed.push(text);
  };
  await type(`echo before ${version}`);
  install(version);
  await type(`echo installed ${version}`);
  machine.ok('systemctl', 'stop', SERVICE);
  await type(`echo stopped ${version}`);
  machine.ok('systemctl', 'start', SERVICE);
  await type(`echo after ${version}`);
  await until(() => commandsOf(machine, shell).length >= typed.length);
}
