/**
 * A machine to install into, booted in seconds: this one's files under an overlay in memory, with systemd as the
 * first process of namespaces of its own. What is installed there is gone with it, and nothing of it is seen
 * outside, but for what is in the kernel: pins and probes.
 */
import { type ChildProcess, type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';

export const SYSTEMD = '/lib/systemd/systemd';

const BOOT_MS = 60_000;
const BASE = '/mnt';
const ROOT = `${BASE}/root`;

/** Services of this machine's that have no business in the other. */
const MASKED = [
  ...['apparmor', 'auditd', 'dbus', 'systemd-binfmt', 'systemd-journal-flush', 'systemd-logind'],
  ...['systemd-random-seed', 'systemd-remount-fs', 'systemd-sysctl', 'systemd-sysusers'],
  ...['systemd-tmpfiles-setup', 'systemd-tmpfiles-setup-dev', 'systemd-udev-trigger'],
  ...['systemd-udevd', 'systemd-update-utmp'],
];

const BOOT = `
set -e
mount --make-rprivate /
mount -t tmpfs -o size=2g tmpfs ${BASE}
mkdir ${BASE}/upper ${BASE}/work ${ROOT}
mount -t overlay overlay -o lowerdir=/,upperdir=${BASE}/upper,workdir=${BASE}/work ${ROOT}
cd ${ROOT}
mount -t proc proc proc
mount --rbind /sys sys
mount --rbind /dev dev
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs run
rm -rf var/lib/live-audit etc/osquery etc/live-audit etc/systemd/system/*.wants
for unit in ${MASKED.join(' ')}; do ln -sf /dev/null etc/systemd/system/$unit.service; done
printf '%032d\\n' 1 >run/machine-id
ln -sf /run/machine-id etc/machine-id
exec env container=test chroot . ${SYSTEMD} --system --unit=basic.target --log-target=null --show-status=no
`;

/** The process that is the first one of a new namespace. */
function childOf(pid: number): number | null {
  try {
    const children = fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1');
    return Number.parseInt(children, 10) || null;
  } catch {
    return null;
  }
}

export class Machine {
  readonly #holder: ChildProcess;
  readonly #init: number;

  private constructor(holder: ChildProcess, init: number) {
    this.#holder = holder;
    this.#init = init;
  }

  static async boot(): Promise<Machine> {
    const namespaces = ['--mount', '--pid', '--fork', '--uts', '--ipc', '--cgroup'];
    // It ends with us, however we end.
    const mortal = ['--pdeathsig', 'KILL', 'unshare', '--kill-child'];
    const holder = spawn('setpriv', [...mortal, ...namespaces, 'sh', '-c', BOOT], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    holder.stderr.on('data', (data) => {
      said += data;
    });
    for (const deadline = performance.now() + BOOT_MS; performance.now() < deadline; ) {
      if (holder.exitCode !== null) throw new Error(said);
      await setTimeout(50);
      const init = childOf(holder.pid ?? 0);
      if (init === null || !fs.existsSync(`/proc/${init}/root/run/systemd/private`)) continue;
      const machine = new Machine(holder, init);
      if (machine.run('systemctl', 'is-active', 'basic.target').status === 0) return machine;
    }
    holder.kill();
    throw new Error(`no systemd within ${BOOT_MS} ms: ${said}`);
  }

  run(...command: readonly string[]): SpawnSyncReturns<string> {
    const inside = ['-t', String(this.#init), '-m', '-p', 'chroot', ROOT, ...command];
    const result = spawnSync('nsenter', inside, {
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
    return path.join(`/proc/${this.#init}/root`, name);
  }

  /** Put a file into it that is only outside so far. */
  copy(from: string, to: string): void {
    fs.copyFileSync(from, this.file(to));
  }

  async halt(): Promise<void> {
    const gone = new Promise((resolve) => this.#holder.once('exit', resolve));
    process.kill(this.#init, 'SIGKILL');
    await gone;
  }
}
