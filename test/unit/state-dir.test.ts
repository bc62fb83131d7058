/** The state directory: only one that is ours alone is used; its lock is held once. */
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LiveAuditError } from '../../native/errors.ts';
import {
  CollectorLock,
  checkStateDir,
  collectorPid,
  openStateDir,
} from '../../tables/collector/state-dir.ts';

const root = process.geteuid?.() === 0;
let base: string;
let dir: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'state-'));
  dir = join(base, 'state');
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

const refused = (act: () => unknown, reason: RegExp): void => {
  expect(act).toThrow(LiveAuditError);
  expect(act).toThrow(reason);
  expect(act).toThrow(base);
};
const both = (reason: RegExp): void => {
  refused(() => openStateDir(dir), reason);
  refused(() => checkStateDir(dir), reason);
};

test('is made where it is missing, closed to others; a reader makes none', () => {
  expect(checkStateDir(dir)).toBe(false);
  expect(existsSync(dir)).toBe(false);
  openStateDir(dir);
  expect(lstatSync(dir).mode & 0o7777).toBe(0o700);
  expect(checkStateDir(dir)).toBe(true);
  openStateDir(dir);
});

test('cannot be made below what is missing', () => {
  dir = join(base, 'no/such/state');
  refused(() => openStateDir(dir), /cannot be made \(ENOENT\)/);
  expect(checkStateDir(dir)).toBe(false);
});

test.each([0o777, 0o755, 0o710, 0o701, 0o1777])('is refused with mode %o', (mode) => {
  mkdirSync(dir);
  chmodSync(dir, mode);
  both(/is open to others/);
});

test('is refused where it is a file, or a link, even to a directory of ours', () => {
  writeFileSync(dir, '');
  both(/is no directory/);
  rmSync(dir);
  const real = join(base, 'real');
  mkdirSync(real, { mode: 0o700 });
  symlinkSync(real, dir);
  both(/is no directory/);
});

(root ? test : test.skip)(
  `is refused where it is another user's${root ? '' : ' (skipped: needs root)'}`,
  () => {
    mkdirSync(dir, { mode: 0o700 });
    chownSync(dir, 65_534, 65_534);
    both(/belongs to uid 65534/);
  },
);

test('below a file: refused, not a failure of ours', () => {
  writeFileSync(join(base, 'file'), '');
  dir = join(base, 'file/state');
  refused(() => checkStateDir(dir), /ENOTDIR/);
});

describe('the lock', () => {
  beforeEach(() => openStateDir(dir));

  test('is held once, tells by whom, and is free after its release', () => {
    expect(collectorPid(dir)).toBeNull();
    const lock = CollectorLock.take(dir);
    expect(lock).not.toBeNull();
    expect(CollectorLock.take(dir)).toBeNull();
    expect(collectorPid(dir)).toBe(process.pid);
    lock?.release();
    expect(collectorPid(dir)).toBeNull();
    const again = CollectorLock.take(dir);
    expect(again).not.toBeNull();
    again?.release();
  });

  test('of a process that is gone does not count', () => {
    writeFileSync(join(dir, 'collector.lock'), '4194305\n');
    expect(collectorPid(dir)).toBeNull();
    const lock = CollectorLock.take(dir);
    expect(collectorPid(dir)).toBe(process.pid);
    lock?.release();
  });

  test.each(['', 'x', '-1', '0', '99999999999'])('with %p in it names nobody', (text) => {
    writeFileSync(join(dir, 'collector.lock'), text);
    expect(collectorPid(dir)).toBeNull();
  });

  test('is no link that is followed, and no directory', () => {
    const lock = join(dir, 'collector.lock');
    const target = join(base, 'target');
    writeFileSync(target, 'precious');
    symlinkSync(target, lock);
    refused(() => CollectorLock.take(dir), /collector\.lock cannot be opened \(ELOOP\)/);
    rmSync(lock);
    mkdirSync(lock);
    refused(() => CollectorLock.take(dir), /cannot be opened \(EISDIR\)/);
  });
});
