/** Which program files run and exist: the same inode has one identity, whatever its name. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  linkSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installedExecutable, processExecutable } from '../../native/executables.ts';

const directory = mkdtempSync(join(tmpdir(), 'executables-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const at = (name: string): string => join(directory, name);
const inode = (path: string): string => {
  const { dev, ino } = statSync(path, { bigint: true });
  return `${dev}:${ino}`;
};

describe('an installed program', () => {
  beforeAll(() => {
    copyFileSync('/bin/sleep', at('program'));
    symlinkSync(at('program'), at('link'));
    linkSync(at('program'), at('hard'));
    symlinkSync(at('nowhere'), at('dangling'));
  });

  test('is its real path and inode, through links', () => {
    const program = { path: at('program'), name: at('program'), inode: inode(at('program')) };
    expect(installedExecutable(at('program'))).toEqual(program);
    expect(installedExecutable(at('link'))).toEqual(program);
    expect(installedExecutable(at('hard'))?.inode).toBe(program.inode);
  });

  test.each(['nowhere', 'dangling', '', 'program/below'])('is none: %p', (name) => {
    expect(installedExecutable(at(name))).toBeNull();
  });
});

describe('the program of a process', () => {
  test('is ours', () => {
    const own = processExecutable(process.pid);
    expect(own?.inode).toBe(inode(process.execPath));
    expect(own?.path).toBe(own?.name);
  });

  test('is none of a kernel thread, or where there is no process', () => {
    expect(processExecutable(2 ** 31)).toBeNull();
    expect(processExecutable('nope')).toBeNull();
  });

  test('that was deleted or replaced is still reached, by its own inode', async () => {
    copyFileSync('/bin/sleep', at('old'));
    const identity = inode(at('old'));
    const child = spawn(at('old'), ['60']);
    await once(child, 'spawn');
    try {
      copyFileSync('/bin/sleep', at('new'));
      renameSync(at('new'), at('old'));
      const replaced = processExecutable(child.pid ?? 0);
      expect(replaced).toEqual({
        path: `/proc/${child.pid}/exe`,
        name: at('old'),
        inode: identity,
      });
      expect(inode(replaced?.path ?? '')).toBe(identity);
    } finally {
      child.kill('SIGKILL');
    }
  });
});
