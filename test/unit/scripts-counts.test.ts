/** The counts line, from what jest itself reports of a small project. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { addCounts, countsLine, countsOfJest, NONE } from '../../scripts/counts.ts';

const JEST = resolve('node_modules/jest/bin/jest.js');

let project: string;
beforeEach(() => {
  project = realpathSync(mkdtempSync(join(tmpdir(), 'counts-')));
});
afterEach(() => rmSync(project, { recursive: true }));

function runJest(files: Record<string, string>) {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(project, name), text);
  const report = join(project, 'report.json');
  spawnSync(
    process.execPath,
    [JEST, '--rootDir', project, '--config', '{"transform":{}}', '--json', '--outputFile', report],
    { stdio: 'ignore' },
  );
  return countsOfJest(readFileSync(report, 'utf8'), project);
}

test('passed, failed, skipped and todo tests are counted, and a file that does not load is a failure', () => {
  const counts = runJest({
    'a.test.js': `
      test('adds', () => {});
      test('subtracts', () => {});
      test('divides', () => { throw new Error('no'); });
      describe('roots', () => { test.skip('of -1 (skipped: no complex numbers)', () => {}); });
      test.todo('multiplies');`,
    'b.test.js': `require('./not-there');`,
  });
  expect(countsLine(counts)).toBe('2 passed, 2 failed, 2 skipped');
  expect(counts.skipped).toEqual([
    'a.test.js: roots of -1 (skipped: no complex numbers)',
    'a.test.js: multiplies',
  ]);
});

test('counts of several runs add up', () => {
  const sum = addCounts({ ...NONE, passed: 2, skipped: ['x'] }, { ...NONE, failed: 1, passed: 1 });
  expect(countsLine(sum)).toBe('3 passed, 1 failed, 1 skipped');
});
