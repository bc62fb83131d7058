/** Targets are found as they are run, wherever they lie: by a real exec hook, and by reading /proc. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Executable } from '../../native/executables.ts';
import { Discovery } from '../../tables/collector/discovery.ts';
import { bash } from '../../tables/shell_history_live/targets.ts';
import { BUILD, describeLive } from './requires.ts';

const SOON_MS = 1000;
const BASH = fs.realpathSync('/bin/bash');
/** Lives until killed, without another program in its place. */
const STAY = ['-c', 'while read -t 60; do :; done; :'];

const directory = fs.mkdtempSync(path.join(tmpdir(), 'discovery-'));
const at = (...names: string[]): string => path.join(directory, ...names);

let discovery: Discovery;
let found: { executable: Executable; at: number }[] = [];
let gone: Executable[] = [];
const children: ChildProcess[] = [];
const mounts: string[] = [];

function start(assetsDir = path.join(BUILD, 'bpf')): void {
  discovery = new Discovery({
    assetsDir,
    kinds: [bash],
    log: () => {},
    onFound: (_kind, executable) => found.push({ executable, at: performance.now() }),
    onGone: (executable) => gone.push(executable),
  });
  discovery.scan();
}

function run(command: string, args: readonly string[] = STAY): ChildProcess {
  const child = spawn(command, args, { stdio: ['pipe', 'ignore', 'ignore'] });
  children.push(child);
  return child;
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Those of our directory: the rest of the machine runs programs too. */
const ours = (): Executable[] =>
  found.map(({ executable }) => executable).filter(({ name }) => name.includes('discovery-'));

/** Wait for a target with this name. */
async function foundAs(
  name: string,
  since: number,
): Promise<{ executable: Executable; ms: number }> {
  const deadline = performance.now() + 10_000;
  while (performance.now() < deadline) {
    const match = found.find(({ executable, at }) => executable.name === name && at >= since);
    if (match) {
      const ms = match.at - since;
      if (since > 0) latencies.push(`${path.relative(directory, name)} ${ms.toFixed(1)} ms`);
      return { executable: match.executable, ms };
    }
    await sleep(2);
  }
  throw new Error(`not found: ${name}, but ${JSON.stringify(found)}`);
}

/** Shown when the tests are done. */
const latencies: string[] = [];

const inodeAt = (file: string): bigint => fs.statSync(file, { bigint: true }).ino;

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
}

afterEach(async () => {
  discovery.close();
  for (const child of children.splice(0)) await end(child);
  for (const mount of mounts.splice(0).reverse()) spawnSync('umount', ['-l', mount]);
  for (const name of fs.readdirSync(directory)) fs.rmSync(at(name), { recursive: true });
  found = [];
  gone = [];
});
afterAll(() => {
  fs.rmSync(directory, { recursive: true, force: true });
  console.log(`found after, from before the spawn: ${latencies.join(', ')}`);
});

describeLive('the exec hook', () => {
  beforeEach(() => {
    start();
    expect(discovery.failure).toBeNull();
  });

  test('the bash of this machine is found by the first scan, once', () => {
    run('/bin/bash');
    discovery.scan();
    const { dev, ino } = fs.statSync(BASH, { bigint: true });
    const same = found.filter(({ executable }) => executable.inode === `${dev}:${ino}`);
    expect(same.map(({ executable }) => executable.path)).toEqual([BASH]);
  });

  test('a copy under another name is found when it is run, and only once', async () => {
    fs.copyFileSync(BASH, at('notbash'));
    const since = performance.now();
    run(at('notbash'));
    const { executable, ms } = await foundAs(at('notbash'), since);
    expect(executable.path).toBe(at('notbash'));
    expect(ms).toBeLessThan(SOON_MS);
    run(at('notbash'));
    await sleep(50);
    discovery.scan();
    expect(ours()).toHaveLength(1);
  });

  test('one that is over before anybody can look is found all the same', async () => {
    fs.copyFileSync(BASH, at('short'));
    const since = performance.now();
    spawnSync(at('short'), ['-c', ':']);
    expect((await foundAs(at('short'), since)).ms).toBeLessThan(SOON_MS);
  });

  test('an upgrade by rename is a new target; the old one stays while it runs', async () => {
    fs.copyFileSync(BASH, at('bash'));
    const old = run(at('bash'));
    const first = await foundAs(at('bash'), 0);
    fs.copyFileSync(BASH, at('bash.new'));
    fs.renameSync(at('bash.new'), at('bash'));
    const since = performance.now();
    run(at('bash'));
    const second = await foundAs(at('bash'), since);
    expect(second.executable.inode).not.toBe(first.executable.inode);
    expect(second.ms).toBeLessThan(SOON_MS);
    expect(gone).toEqual([]);

    expect(discovery.currentPath(first.executable)).toBe(`/proc/${old.pid}/exe`);
    expect(discovery.unused([first.executable, second.executable])).toEqual([]);
    await end(old);
    expect(discovery.currentPath(first.executable)).toBeNull();
    expect(discovery.unused([first.executable, second.executable])).toEqual([first.executable]);
  });

  test('overwritten in place: the old content is gone, then the new one is found', async () => {
    fs.copyFileSync(BASH, at('bash'));
    const child = run(at('bash'));
    const first = await foundAs(at('bash'), 0);
    await end(child);
    fs.copyFileSync(BASH, at('bash'));
    const since = performance.now();
    run(at('bash'));
    const second = await foundAs(at('bash'), since);
    expect(second.executable.inode).toBe(first.executable.inode);
    expect(gone).toEqual([first.executable]);
  });

  test('one that was released is found again when it is run again', async () => {
    fs.copyFileSync(BASH, at('again'));
    const child = run(at('again'));
    const first = await foundAs(at('again'), 0);
    fs.renameSync(at('again'), at('moved'));
    expect(discovery.unused([first.executable])).toEqual([]); // it runs
    await end(child);
    expect(discovery.unused([first.executable])).toEqual([first.executable]);
    const since = performance.now();
    run(at('moved'));
    const second = await foundAs(at('moved'), since);
    expect(second.executable.inode).toBe(first.executable.inode);
  });

  test('deleted while it runs: found by the scan of a new start, through /proc', async () => {
    fs.copyFileSync(BASH, at('deleted'));
    const child = run(at('deleted'));
    await foundAs(at('deleted'), 0);
    fs.rmSync(at('deleted'));
    discovery.close();
    found = [];
    start();
    expect(ours()).toEqual([expect.objectContaining({ path: `/proc/${child.pid}/exe` })]);
    const other = spawn(`/proc/${child.pid}/exe`, STAY, { stdio: ['pipe', 'ignore', 'ignore'] });
    children.push(other);
    await end(child);
    const [target] = ours();
    const deadline = performance.now() + 5000;
    const expected = `/proc/${other.pid}/exe`;
    while (target && discovery.currentPath(target) !== expected && performance.now() < deadline)
      await sleep(5);
    expect(target && discovery.currentPath(target)).toBe(expected);
  });

  test('in a chroot', async () => {
    const libraries = spawnSync('ldd', [BASH], { encoding: 'utf8' }).stdout.match(/\/\S+/g) ?? [];
    for (const library of libraries) {
      fs.mkdirSync(at('root', path.dirname(library)), { recursive: true });
      fs.copyFileSync(library, at('root', library));
    }
    fs.mkdirSync(at('root/opt'));
    fs.copyFileSync(BASH, at('root/opt/shell'));
    const since = performance.now();
    run('chroot', [at('root'), '/opt/shell', ...STAY]);
    const { executable, ms } = await foundAs(at('root/opt/shell'), since);
    expect(inodeAt(executable.path)).toBe(inodeAt(at('root/opt/shell')));
    expect(ms).toBeLessThan(SOON_MS);
  });

  test('in a mount namespace of its own, where the path is another file than here', async () => {
    fs.mkdirSync(at('mnt'));
    fs.copyFileSync('/bin/true', at('mnt/shell'));
    const script = 'mount -t tmpfs none "$1" && cp "$0" "$1/shell" && exec "$1/shell" -c "$2"';
    const since = performance.now();
    const child = run('unshare', ['-m', 'sh', '-c', script, BASH, at('mnt'), STAY[1] ?? '']);
    const { executable, ms } = await foundAs(at('mnt/shell'), since);
    expect(executable.path).toBe(`/proc/${child.pid}/exe`);
    expect(ms).toBeLessThan(SOON_MS);
    expect(discovery.currentPath(executable)).toBe(executable.path);
  });

  test('named bash and no bash: found, so that the failure is shown; a script is not', async () => {
    fs.mkdirSync(at('script'));
    fs.writeFileSync(at('script/bash'), '#!/bin/sh\nread -r x\n', { mode: 0o755 });
    run(at('script/bash'), []);
    fs.mkdirSync(at('elf'));
    fs.copyFileSync('/bin/sleep', at('elf/bash'));
    run(at('elf/bash'), ['60']);
    await foundAs(at('elf/bash'), 0);
    discovery.scan();
    expect(ours().map(({ name }) => name)).toEqual([at('elf/bash')]);
  });

  test('2,000 programs one after the other cost little', async () => {
    spawnSync('/bin/true');
    await sleep(100);
    const before = process.cpuUsage();
    const storm = run('sh', ['-c', 'i=0; while [ $i -lt 2000 ]; do /bin/true; i=$((i+1)); done']);
    await new Promise((resolve) => storm.once('exit', resolve));
    const { user, system } = process.cpuUsage(before);
    console.log(`2,000 execs: ${((user + system) / 1000).toFixed(0)} ms of CPU`);
    expect(user + system).toBeLessThan(500_000);
  }, 60_000);
});

describeLive('overlayfs', () => {
  /** Mount an overlay over the shared lower layer. */
  function overlay(name: string): string {
    for (const part of ['upper', 'work', 'merged'])
      fs.mkdirSync(at(name, part), { recursive: true });
    const options = `lowerdir=${at('lower')},upperdir=${at(name, 'upper')},workdir=${at(name, 'work')}`;
    const merged = at(name, 'merged');
    const { stderr, status } = spawnSync(
      'mount',
      ['-t', 'overlay', 'overlay', '-o', options, merged],
      { encoding: 'utf8' },
    );
    if (status !== 0) throw new Error(stderr);
    mounts.push(merged);
    return merged;
  }

  beforeEach(() => {
    fs.mkdirSync(at('lower'));
    fs.copyFileSync(BASH, at('lower/shell'));
    start();
  });

  test('two mounts of one lower file, and that file itself, are one target', async () => {
    const [a, b] = [overlay('a'), overlay('b')];
    expect(fs.statSync(`${a}/shell`).dev).not.toBe(fs.statSync(`${b}/shell`).dev);
    run(`${a}/shell`);
    await foundAs(`${a}/shell`, 0);
    run(`${b}/shell`);
    run(at('lower/shell'));
    await sleep(100);
    discovery.scan();
    expect(ours().map(({ name }) => name)).toEqual([`${a}/shell`]);
  });

  test('a file copied up is another one, though stat gives it the same inode number', async () => {
    const a = overlay('a');
    const child = run(`${a}/shell`);
    const first = await foundAs(`${a}/shell`, 0);
    await end(child);
    const before = inodeAt(`${a}/shell`);
    fs.chownSync(`${a}/shell`, 1, 1);
    expect(inodeAt(`${a}/shell`)).toBe(before);
    expect(inodeAt(at('a/upper/shell'))).not.toBe(before);
    const since = performance.now();
    run(`${a}/shell`);
    const second = await foundAs(`${a}/shell`, since);
    expect(second.ms).toBeLessThan(SOON_MS);
    expect(second.executable.inode).not.toBe(first.executable.inode);
    expect(gone).toEqual([]);
  });
});

describeLive('without the exec hook', () => {
  test('new programs are found within a second, and it says why', async () => {
    start(at('no-assets'));
    expect(discovery.failure).toContain('discover.bpf.o');
    fs.copyFileSync(BASH, at('notbash'));
    const since = performance.now();
    run(at('notbash'));
    const { ms } = await foundAs(at('notbash'), since);
    expect(ms).toBeLessThan(2 * SOON_MS); // one tick, on a machine that may be busy
  });
});
