/** What must hold of the sources before any test runs. Each check gives the lines that are wrong. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';

/** Longer files are more than one idea (a warning). */
const LONG_LINES = 300;
const LONG_EXEMPT =
  /(^|\/)(gen|fixtures)\/|vmlinux\.h$|package-lock\.json$|^LICENSE$|^docs\/|\.map$/;

const BIOME = 'node_modules/@biomejs/biome/bin/biome';

export type CheckResult =
  | { readonly status: 'passed' }
  | { readonly status: 'failed'; readonly output: string }
  | { readonly status: 'skipped'; readonly reason: string };

export interface Check {
  readonly name: string;
  run(): CheckResult;
}

const passed: CheckResult = { status: 'passed' };

/**
 * Runs a tool; what it printed is shown when it fails.
 * `env` is given because a test under jest has a process.env of its own.
 */
function tool(command: string, args: readonly string[]): CheckResult {
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    encoding: 'utf8',
    env: process.env,
  });
  if (error !== undefined) return { status: 'failed', output: `${command}: ${error.message}` };
  return status === 0 ? passed : { status: 'failed', output: `${stdout}${stderr}`.trimEnd() };
}

const node = (...args: string[]): CheckResult => tool(process.execPath, args);

const have = (command: string): boolean =>
  spawnSync(command, ['--version'], { stdio: 'ignore', env: process.env }).error === undefined;

/** Every file of the working tree that git would keep. The owner of the clone may be another user. */
export function files(): string[] {
  const git = [
    '-c',
    `safe.directory=${process.cwd()}`,
    'ls-files',
    '-z',
    '-co',
    '--exclude-standard',
  ];
  const { status, stdout, stderr } = spawnSync('git', git, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`git ls-files: ${stderr}`);
  return [...new Set(stdout.split('\0'))].filter((file) => file !== '' && existsSync(file)).sort();
}

const contents = (): Map<string, string> =>
  new Map(files().map((f) => [f, createHash('sha256').update(readFileSync(f)).digest('hex')]));

/** Generates into the tree and compares with what was there, so that it also works before a commit. */
function generated(): CheckResult {
  if (!have('thrift')) {
    return { status: 'skipped', reason: 'no thrift compiler (apt-get install thrift-compiler)' };
  }
  const before = contents();
  const result = tool('sh', ['scripts/task', 'generate']);
  if (result.status !== 'passed') return result;
  const after = contents();
  const stale = [...new Set([...before.keys(), ...after.keys()])].filter(
    (file) => before.get(file) !== after.get(file),
  );
  if (stale.length === 0) return passed;
  return { status: 'failed', output: `were stale, now generated again: ${stale.join(', ')}` };
}

const isShell = (file: string): boolean => /^#!\/bin\/sh\b/.test(readFileSync(file, 'latin1'));

function shell(): CheckResult {
  const scripts = files().filter(isShell);
  for (const script of scripts) {
    const result = tool('sh', ['-n', script]);
    if (result.status !== 'passed') return result;
  }
  return have('shellcheck')
    ? tool('shellcheck', scripts)
    : { status: 'skipped', reason: 'no shellcheck (apt-get install shellcheck); sh -n passed' };
}

/** Warnings: one line per long file. */
export function longFiles(): string[] {
  return files()
    .filter((file) => !LONG_EXEMPT.test(file))
    .map((file) => ({ file, lines: readFileSync(file, 'utf8').split('\n').length - 1 }))
    .filter(({ lines }) => lines > LONG_LINES)
    .map(({ file, lines }) => `${file}: ${lines} lines, over ${LONG_LINES}`);
}

export const CHECKS: readonly Check[] = [
  { name: 'types', run: () => node('node_modules/typescript/bin/tsc') },
  { name: 'lint', run: () => node(BIOME, 'check', '--colors=off', '--diagnostic-level=warn') },
  { name: 'shell', run: shell },
  { name: 'generated files', run: generated },
];
