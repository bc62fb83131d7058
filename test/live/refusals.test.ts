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

/** The number of bpf(2) on this machine. */
const SYS_BPF = process.arch === 'x64' ? 321 : 280;
/** A filter of seccomp(2) with which bpf(2) gives EPERM, and then the command. struct sock_filter: code, jt, jf, k. */
const DENY_BPF = `
import ctypes, os, struct, sys
program = b"".join(struct.pack("HBBI", *line) for line in [
    (0x20, 0, 0, 0),            # the number of the call
    (0x15, 0, 1, ${SYS_BPF}),   # is it this one?
    (0x06, 0, 0, 0x00050001),   # SECCOMP_RET_ERRNO, EPERM
    (0x06, 0, 0, 0x7fff0000),   # SECCOMP_RET_ALLOW
])
buffer = ctypes.create_string_buffer(program)
filter = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(buffer)))
libc = ctypes.CDLL(None, use_errno=True)
zero = ctypes.c_ulong(0)
if libc.prctl(22, ctypes.c_ulong(2), filter, zero, zero) != 0:  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER
    sys.exit(os.strerror(ctypes.get_errno()))
os.execvp(sys.argv[1], sys.argv[1:])
`;
const denied = (setup = ':'): string[] => [...inNamespace(setup), 'python3', '-c', DENY_BPF];
/** What a security module would say of this process, which goes on as the command; the denial is seccomp's. */
const label = (text: string): string =>
  `mount -t tmpfs none /mnt && echo '${text}' >/mnt/label && mount --bind /mnt/label /proc/$$/attr/current`;
const ENFORCING =
  'mount -t tmpfs none /sys/fs && mkdir /sys/fs/selinux && echo 1 >/sys/fs/selinux/enforce';

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
    [
      'a filter of calls',
      denied(),
      /EPERM: a filter .* \[SECCOMP\]: allow bpf and perf_event_open/,
    ],
    [
      'AppArmor',
      denied(label('docker-default (enforce)')),
      /EPERM: AppArmor confines us by docker-default \(enforce\) \[APPARMOR\]: `dmesg \| grep apparmor`/,
    ],
    [
      'SELinux',
      denied(`${ENFORCING}; ${label('system_u:system_r:osqueryd_t:s0')}`),
      /EPERM: SELinux is enforcing, and we run as system_u:system_r:osqueryd_t:s0 \[SELINUX\]: `ausearch/,
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
