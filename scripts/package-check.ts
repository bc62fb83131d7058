/**
 * `npm run package:check`: what is too long for `npm test`, as root. The packages of the last commit are built twice,
 * in two places, and compared; the .deb is installed into a Debian of its own (debootstrap) with its dependencies, the
 * .rpm into the same by rpm, with its scriptlets; the executable for arm64 runs under qemu. What the machine has no
 * tool for is skipped and said.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { OUT, run, targetOf } from './package/target.ts';

const EXTENSION = '/usr/lib/osquery/extensions/live_audit.ext';
const ARM_LIBRARIES = '/usr/aarch64-linux-gnu';

const LIST = 'etc/osquery/extensions.load';

const began = performance.now();
const say = (line: string): void =>
  console.log(`==> ${Math.round((performance.now() - began) / 1000)} s: ${line}`);

const have = (program: string): boolean =>
  spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;

function expect(condition: boolean, what: string): void {
  if (!condition) throw new Error(`not so: ${what}`);
}

/** Build what is committed in a fresh clone. @returns the folder of its packages */
function buildIn(directory: string): string {
  run('git', ['-c', 'safe.directory=*', 'clone', '--quiet', '--no-hardlinks', '.', directory]);
  run('cp', ['-al', path.resolve('node_modules'), path.join(directory, 'node_modules')]);
  const out = path.join(directory, OUT);
  fs.mkdirSync(out, { recursive: true });
  run('cp', ['-a', path.resolve(OUT, 'tools'), out]);
  run(process.execPath, ['scripts/package.ts'], { cwd: directory });
  say(`built in ${directory}`);
  return out;
}

function sameBytes(base: string): string {
  const [one, two] = ['one', 'a second place'].map((name) => buildIn(path.join(base, name)));
  const sums = [one, two].map((out = '') => fs.readFileSync(path.join(out, 'SHA256SUMS'), 'utf8'));
  expect(sums[0] === sums[1], `two builds are the same:\n${sums.join('\n')}`);
  run('sha256sum', ['--check', '--quiet', 'SHA256SUMS'], { cwd: one ?? '' });
  say(`two builds of one commit are the same:\n${sums[0]}`);
  return one ?? '';
}

const packageIn = (out: string, ending: string): string =>
  path.join(out, fs.readdirSync(out).find((file) => file.endsWith(ending)) ?? `no ${ending}`);

function debianOfItsOwn(base: string, out: string): string {
  if (!have('debootstrap')) return 'skipped: no debootstrap';
  const root = path.join(base, 'debian');
  run('debootstrap', ['--variant=minbase', 'bookworm', root]);
  const deb = packageIn(out, `${targetOf('x64').names.deb}.deb`);
  fs.copyFileSync(deb, path.join(root, 'live-audit.deb'));
  const inside = (...command: string[]): string =>
    run('unshare', ['--mount', 'sh', '-c', MOUNT, 'sh', root, ...command]);
  inside('apt-get', 'install', '-y', '-qq', '--no-install-recommends', '/live-audit.deb');
  expect(inside('live-audit', 'version').startsWith('live_audit '), 'it runs in a bare Debian');
  inside('live-audit', 'query', 'SELECT count(*) FROM shell_history_live');
  inside('apt-get', 'purge', '-y', '-qq', 'live-audit');
  expect(!fs.existsSync(path.join(root, EXTENSION)), 'a purge removes it');
  return 'a bare Debian 12: installed with its dependencies, run, purged';
}

/** $1 is the root; the rest runs in it. */
const MOUNT =
  'root=$1; shift; mount -t proc proc "$root/proc"; mount --rbind /dev "$root/dev"; exec chroot "$root" "$@"';

function rpm(base: string, out: string): string {
  if (!have('rpm')) return 'skipped: no rpm (apt-get install rpm)';
  const file = packageIn(out, `${targetOf('x64').names.rpm}.rpm`);
  const listed = run('rpm', [
    '-qp',
    '--qf',
    '[%{FILEMODES:perms} %{FILEUSERNAME} %{FILENAMES}\\n]',
    file,
  ]);
  expect(
    listed.includes(`-rwxr-xr-x root ${EXTENSION}\n`),
    `owner and mode in the rpm:\n${listed}`,
  );
  // Scriptlets run inside, so they need a system there: Debian's, whose dependencies rpm does not know.
  const root = path.join(base, 'debian');
  const scripts = fs.existsSync(path.join(root, 'bin/sh')) ? [] : ['--noscripts'];
  const options = ['--root', root, '--dbpath', '/db', '--nodeps', ...scripts];
  fs.mkdirSync(root, { recursive: true });
  const list = (): string => {
    const name = path.join(root, LIST);
    return fs.existsSync(name) ? fs.readFileSync(name, 'utf8') : '';
  };
  run('rpm', [...options, '-i', file]);
  expect(fs.existsSync(path.join(root, EXTENSION)), 'rpm installs it');
  expect(run(path.join(root, EXTENSION), ['version']).startsWith('live_audit '), 'and it runs');
  if (scripts.length === 0) expect(list() === `${EXTENSION}\n`, `its line in ${LIST}: ${list()}`);
  run('rpm', [...options, '-e', 'live-audit']);
  expect(!fs.existsSync(path.join(root, EXTENSION)), 'rpm removes it');
  expect(list() === '', `no line in ${LIST} is left: ${list()}`);
  return `rpm: owner and mode, installed, run, removed${scripts.length === 0 ? ', with its scriptlets' : ''}`;
}

function arm64(out: string): string {
  if (!have('qemu-aarch64') || !fs.existsSync(ARM_LIBRARIES))
    return 'skipped: no qemu-user with libc6-arm64-cross, libstdc++6-arm64-cross';
  const emulated = (...args: string[]): string =>
    run('qemu-aarch64', ['-L', ARM_LIBRARIES, path.join(out, 'arm64/live_audit.ext'), ...args]);
  expect(emulated('version').startsWith('live_audit '), 'the executable for arm64 runs');
  expect(emulated('query', '--json', 'SELECT 1 AS one').includes('{"one":1}'), 'and asks SQLite');
  return 'arm64: runs under qemu (version, query)';
}

const base = fs.mkdtempSync(path.join(os.tmpdir(), 'package-check-'));
try {
  const out = sameBytes(base);
  say(debianOfItsOwn(base, out));
  say(rpm(base, out));
  say(arm64(out));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  fs.rmSync(base, { recursive: true, force: true });
}
