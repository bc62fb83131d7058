/** A machine that does not let us capture is named in one line with the remedy, and nothing crashes. */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { release, until } from './collector-process.ts';
import { describeLive, EXECUTABLE } from './requires.ts';

const inNamespace = (setup: string): string[] => [
  ...['unshare', '--mount', 'sh', '-c', `${setup}; exec "$@"`, 'sh'],
];
const withCapabilities = (...names: string[]): string[] => [
  'setpriv',
  `--bounding-set=${['-all', ...names.map((name) => `+${name}`)].join(',')}`,
  '--inh-caps=-all',
];

describeLive('what stands in the way', () => {
  test.each<[string, string[], RegExp]>([
    [
      'no BTF',
      inNamespace('mount -t tmpfs none /sys/kernel/btf'),
      /no \/sys\/kernel\/btf\/vmlinux \[NO_BTF\]: boot a kernel/,
    ],
    [
      'no right to trace',
      withCapabilities('bpf', 'sys_ptrace', 'dac_read_search', 'audit_read'),
      /EPERM: without CAP_PERFMON \[BPF_DENIED\]: run as root/,
    ],
    [
      'a user namespace',
      ['unshare', '--user', '--map-root-user'],
      /EPERM: root of a user namespace only \[USER_NAMESPACE\]: run it on the host/,
    ],
  ])('%s', async (_, before, line) => {
    const dir = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'refused-')), 'state');
    const [command = '', ...args] = [...before, EXECUTABLE, 'collect', '--state-dir', dir];
    const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.on('data', (data) => {
      said += data;
    });
    const exited = new Promise((resolve) => child.once('exit', resolve));
    // Either nothing at all can be captured, or audit goes on.
    await until(() => child.exitCode !== null || said.includes('collecting in'));
    child.kill('SIGKILL');
    await exited;
    release(dir);
    fs.rmSync(path.dirname(dir), { recursive: true });
    const about = said.split('\n').filter((text) => text.includes('shell_history_live'));
    expect(about).toEqual([expect.stringMatching(line)]);
  });
});
