/** What is said where a machine does not let us capture. */
import { denial, type Machine, missingSupport, refusal } from '../../native/bpf-support.ts';
import { ERROR_CODES } from '../../native/errors.ts';

const BTF = '/sys/kernel/btf/vmlinux';
const UPROBE = '/sys/bus/event_source/devices/uprobe';
const HOST = '         0          0 4294967295';

const machine = (
  files: Readonly<Record<string, string>> = {},
  release = '6.1.0-13-amd64',
  missing: readonly string[] = [],
): Machine => {
  const all: Readonly<Record<string, string>> = {
    [BTF]: '',
    [UPROBE]: '',
    '/proc/self/uid_map': HOST.trim(),
    ...files,
  };
  return {
    release,
    read: (file) => all[file] ?? null,
    exists: (file) => Object.hasOwn(all, file) && all[file] !== 'missing',
    missing: () => missing,
  };
};

test.each([
  ['4.18.0-553.el8.x86_64', 'KERNEL_OLD'],
  ['5.10.0-28-amd64', 'KERNEL_OLD'],
  ['5.14.21', 'KERNEL_OLD'],
  ['5.15.0-91-generic', undefined],
  ['6.18.44', undefined],
  ['10.0', undefined],
])('kernel %s: %s', (release, code) => {
  expect(missingSupport(machine({}, release))?.code).toBe(code);
});

test('no BTF, no uprobes', () => {
  expect(missingSupport(machine({ [BTF]: 'missing' }))?.code).toBe('NO_BTF');
  expect(missingSupport(machine({ [UPROBE]: 'missing' }))?.code).toBe('NO_UPROBES');
});

test.each<[string, Parameters<typeof machine>, string, RegExp]>([
  ['capabilities', [{}, '6.1.0', ['CAP_BPF', 'CAP_PERFMON']], 'BPF_DENIED', /CAP_BPF, CAP_PERFMON/],
  [
    'a user namespace',
    [{ '/proc/self/uid_map': '0     100000      65536' }],
    'USER_NAMESPACE',
    /user namespace/,
  ],
  [
    'lockdown',
    [{ '/sys/kernel/security/lockdown': 'none integrity [confidentiality]' }],
    'LOCKDOWN',
    /confidentiality/,
  ],
  [
    'lockdown that does not matter',
    [{ '/sys/kernel/security/lockdown': 'none [integrity] confidentiality' }],
    'BPF_DENIED',
    /with all/,
  ],
  [
    'SELinux',
    [
      {
        '/sys/fs/selinux/enforce': '1',
        '/proc/self/attr/current': 'system_u:system_r:osqueryd_t:s0\0',
      },
    ],
    'SELINUX',
    /as system_u:system_r:osqueryd_t:s0$/,
  ],
  [
    'SELinux that only warns',
    [{ '/sys/fs/selinux/enforce': '0', '/proc/self/attr/current': 'a:b:c:s0\0' }],
    'BPF_DENIED',
    /with all/,
  ],
  [
    'AppArmor',
    [{ '/proc/self/attr/current': 'docker-default (enforce)' }],
    'APPARMOR',
    /docker-default \(enforce\)$/,
  ],
  ['AppArmor unconfined', [{ '/proc/self/attr/current': 'unconfined' }], 'BPF_DENIED', /with all/],
  ['seccomp', [{ '/proc/self/status': 'Name:\tx\nSeccomp:\t2\n' }], 'SECCOMP', /filter/],
])('who denies: %s', (_, given, code, detail) => {
  const found = denial(machine(...given));
  expect(found.code).toBe(code);
  expect(found.detail).toMatch(detail);
});

test('one line, with the call, the errno and what to do', () => {
  const { line } = refusal('cannot attach to /bin/bash', 'EINVAL', 'a reason');
  expect(line).toMatch(/^cannot attach to \/bin\/bash: EINVAL.*\[(BPF|NO_\w+|KERNEL_OLD)\]: \w/);
  expect(line).not.toContain('\n');
});

test('each code says what to do', () => {
  for (const { remedy, meaning } of Object.values(ERROR_CODES)) {
    expect(remedy).toMatch(/\w{2,} \S+/);
    expect(`${meaning}${remedy}`).not.toContain('\n');
  }
});
