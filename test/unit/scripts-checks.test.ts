/** The checks of `npm run check`, in a repository of their own. */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CHECKS, type CheckResult, files, longFiles } from '../../scripts/checks.ts';

const home = process.cwd();
const path = process.env.PATH;

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'checks-'));
  execFileSync('git', ['init', '-q', dir]);
  for (const folder of ['scripts', 'docs', 'bin']) mkdirSync(join(dir, folder));
  write('.gitignore', 'bin/\n');
  write('spec.txt', 'v1\n');
  write('docs/table.md', 'v1\n');
  write('scripts/task', '#!/bin/sh\ncp spec.txt docs/table.md\n');
  program('thrift');
  program('shellcheck');
  process.chdir(dir);
  process.env.PATH = `${dir}/bin:${path}`;
});
afterEach(() => {
  process.chdir(home);
  process.env.PATH = path;
  rmSync(dir, { recursive: true });
});

const write = (file: string, text: string): void => writeFileSync(join(dir, file), text);

function program(name: string): void {
  write(`bin/${name}`, '#!/bin/sh\nexit 0\n');
  chmodSync(join(dir, 'bin', name), 0o755);
}

function check(name: string): CheckResult | undefined {
  return CHECKS.find((c) => c.name === name)?.run();
}

describe('generated files', () => {
  test('pass when generating changes nothing, committed or not', () => {
    expect(check('generated files')).toEqual({ status: 'passed' });
  });

  test('fail by name when they are stale, and are then generated', () => {
    write('spec.txt', 'v2\n');
    expect(check('generated files')).toEqual({
      status: 'failed',
      output: 'were stale, now generated again: docs/table.md',
    });
    expect(readFileSync(join(dir, 'docs/table.md'), 'utf8')).toBe('v2\n');
    expect(check('generated files')).toEqual({ status: 'passed' });
  });

  test('fail when one was never added, and when the generator fails', () => {
    write('scripts/task', '#!/bin/sh\necho >docs/new.md\n');
    expect(check('generated files')).toMatchObject({ output: expect.stringContaining('new.md') });
    write('scripts/task', '#!/bin/sh\necho broken spec >&2\nexit 1\n');
    expect(check('generated files')).toEqual({ status: 'failed', output: 'broken spec' });
  });

  test('are skipped with the reason when there is no thrift compiler', () => {
    process.env.PATH = join(dir, 'nothing');
    expect(check('generated files')).toMatchObject({ status: 'skipped' });
  });
});

test('a shell script with a syntax error fails by name, whatever its file name', () => {
  expect(check('shell')).toEqual({ status: 'passed' });
  write('docs/launcher', '#!/bin/sh\nif true; then\n');
  expect(check('shell')).toMatchObject({
    status: 'failed',
    output: expect.stringContaining('docs/launcher'),
  });
});

test('only files that git would keep are checked', () => {
  expect(files()).toEqual(['.gitignore', 'docs/table.md', 'scripts/task', 'spec.txt']);
});

test('a file over 300 lines is a warning, unless a program wrote it', () => {
  mkdirSync(join(dir, 'gen'));
  write('gen/types.js', '\n'.repeat(400));
  write('spec.txt', '\n'.repeat(300));
  expect(longFiles()).toEqual([]);
  write('spec.txt', '\n'.repeat(301));
  expect(longFiles()).toEqual(['spec.txt: 301 lines, over 300']);
});
