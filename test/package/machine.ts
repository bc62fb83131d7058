/**
 * A machine to install into, made in no time: this one's files under an overlay in memory, in a mount namespace of
 * its own. What is installed there is gone with it, and nothing of it is seen outside. There is no systemd in it.
 */
import { type ChildProcess, type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

const ROOT = '/mnt';

/** Becomes the process that holds the mounts. `/var/lib/live-audit` and osquery's folder begin empty. */
const SETUP = `
set -e
mount --make-rprivate /
mount -t tmpfs -o size=1g tmpfs ${ROOT}
mkdir ${ROOT}/upper ${ROOT}/work ${ROOT}/root
mount -t overlay overlay -o lowerdir=/,upperdir=${ROOT}/upper,workdir=${ROOT}/work ${ROOT}/root
cd ${ROOT}/root
mount --rbind /proc proc
mount --rbind /sys sys
mount --rbind /dev dev
mount -t tmpfs -o mode=755 tmpfs run
rm -rf var/lib/live-audit etc/osquery etc/live-audit
echo ready
exec sleep infinity
`;

/** Settings of a unit, each with its last value; lines that go on are not used. */
export function readUnit(text: string): ReadonlyMap<string, string> {
  return new Map(
    text
      .split('\n')
      .map((line) => /^(\w+)=(.*)$/.exec(line))
      .filter((match) => match !== null)
      .map(([, key = '', value = '']) => [key, value]),
  );
}

export class Machine {
  readonly #holder: ChildProcess;

  private constructor(holder: ChildProcess) {
    this.#holder = holder;
  }

  static async start(): Promise<Machine> {
    const holder = spawn('unshare', ['--mount', 'sh', '-c', SETUP], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    await new Promise<void>((resolve, reject) => {
      holder.stdout.on('data', () => resolve());
      holder.stderr.on('data', (data) => {
        said += data;
      });
      holder.on('exit', () => reject(new Error(said)));
    });
    return new Machine(holder);
  }

  /** Arguments that run a command in it, behind `nsenter`. */
  #inside(command: readonly string[]): string[] {
    return ['-t', String(this.#holder.pid), '-m', 'chroot', `${ROOT}/root`, ...command];
  }

  run(...command: readonly string[]): SpawnSyncReturns<string> {
    const result = spawnSync('nsenter', this.#inside(command), {
      encoding: 'utf8',
      env: { PATH: process.env.PATH, DEBIAN_FRONTEND: 'noninteractive' },
    });
    if (result.error) throw result.error;
    return result;
  }

  /** @returns stdout @throws Error with what it said */
  ok(...command: readonly string[]): string {
    const { status, stdout, stderr } = this.run(...command);
    if (status !== 0) throw new Error(`${command.join(' ')}: ${status}\n${stdout}${stderr}`);
    return stdout;
  }

  /** A file of it, as seen from outside. */
  file(name: string): string {
    return path.join(`/proc/${this.#holder.pid}/root`, ROOT, 'root', name);
  }

  /** Put a file into it that is only outside so far. */
  copy(from: string, to: string): void {
    fs.copyFileSync(from, this.file(to));
  }

  /**
   * Start what a unit starts, as systemd would with these of its settings: capabilities, no new privileges, its
   * state directory, a file system that is read-only but for that and ReadWritePaths.
   */
  startUnit(unit: string): ChildProcess {
    const settings = readUnit(fs.readFileSync(this.file(unit), 'utf8'));
    const setting = (key: string): string => settings.get(key) ?? '';
    const state = `/var/lib/${setting('StateDirectory')}`;
    const capabilities = setting('CapabilityBoundingSet')
      .split(' ')
      .map((name) => `+${name.replace(/^CAP_/, '').toLowerCase()}`);
    const writable = [state, ...setting('ReadWritePaths').split(' ')];
    const script = `
set -e
mkdir -p ${state}
chmod ${setting('StateDirectoryMode')} ${state}
umask ${setting('UMask')}
for path in ${writable.join(' ')}; do mount --bind $path $path; done
mount -o remount,bind,ro /
mount -o remount,bind,ro /sys
exec setpriv --bounding-set=-all,${capabilities.join(',')} --inh-caps=-all --no-new-privs ${setting('ExecStart')}
`;
    if (setting('ProtectSystem') !== 'strict' || setting('NoNewPrivileges') !== 'yes')
      throw new Error('the sandbox of the unit is not what this stands for');
    return spawn('nsenter', this.#inside(['unshare', '--mount', 'sh', '-c', script]), {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { PATH: process.env.PATH },
    });
  }

  stop(): void {
    this.#holder.kill('SIGKILL');
  }
}
