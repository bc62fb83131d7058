/** Where a shell comes from: the ssh client of its session, and its container. */
import fc from 'fast-check';
import { containerOfCgroups } from '../../native/container.ts';
import { type OriginFiles, Origins, remoteOf } from '../../tables/shell_history_live/origin.ts';

const ID = 'a1'.repeat(32);
const INNER = 'b2'.repeat(32);

test.each([
  ['docker, cgroup 1', `12:cpu,cpuacct:/docker/${ID}\n11:memory:/docker/${ID}\n`],
  ['docker under systemd', `0::/system.slice/docker-${ID}.scope\n`],
  ['containerd of Kubernetes', `0::/kubepods/besteffort/pod1234-56/${ID}\n`],
  [
    'containerd under systemd',
    `0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod12_3.slice/cri-containerd-${ID}.scope\n`,
  ],
  ['a colon in the name', `0::/kubelet/kubepods/cri-containerd:${ID}\n`],
  ['podman', `0::/machine.slice/libpod-${ID}.scope\n`],
  ['podman, with a group of its own', `0::/machine.slice/libpod-${ID}.scope/container\n`],
  ['CRI-O', `0::/kubepods.slice/kubepods-pod1.slice/crio-${ID}.scope\n`],
  ['a container in a container', `0::/docker/${INNER}/docker/${ID}\n`],
  ['only one hierarchy tells', `2:cpu:/\n1:name=systemd:/docker/${ID}\n0::/\n`],
])('container: %s', (_, cgroups) => {
  expect(containerOfCgroups(cgroups)).toBe(ID);
});

test.each([
  '',
  '0::/\n',
  '0::/user.slice/user-1000.slice/session-3.scope\n',
  `0::/machine.slice/crio-conmon-${ID}.scope\n`, // the monitor, not the container
  `0::/docker/${ID}0\n`,
  `0::/docker/${ID.toUpperCase()}\n`,
])('no container: %j', (cgroups) => {
  expect(containerOfCgroups(cgroups)).toBeNull();
});

describe('the ssh client', () => {
  const environment = (...variables: string[]) => Buffer.from(`${variables.join('\0')}\0`);

  test('is what sshd says in the environment', () => {
    const ssh = (value: string) => remoteOf(environment('A=1', `SSH_CONNECTION=${value}`, 'B=2'));
    expect(ssh('192.0.2.7 50022 192.0.2.1 22')).toEqual({ address: '192.0.2.7', port: 50022 });
    expect(ssh('2001:db8::7 1 2001:db8::1 22')).toEqual({ address: '2001:db8::7', port: 1 });
    for (const value of [
      '',
      'x',
      '192.0.2.7',
      '192.0.2.7 0',
      '192.0.2.7 65536',
      '1.2.3 22',
      "';-- 1",
    ])
      expect(ssh(value)).toBeNull();
    expect(remoteOf(environment('NOT_SSH_CONNECTION=192.0.2.7 1 192.0.2.1 22'))).toBeNull();
  });

  test('any environment gives an address or none', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const remote = remoteOf(Buffer.concat([Buffer.from('SSH_CONNECTION='), bytes]));
        if (remote) expect(remote.port).toBeGreaterThan(0);
      }),
    );
  });
});

describe('what was looked up is remembered', () => {
  const TICK = 10_000_000;
  let looked: string[] = [];
  const files = (started: bigint | null): OriginFiles => ({
    environment: (pid) => {
      looked.push(`environment ${pid}`);
      return Buffer.from('SSH_CONNECTION=192.0.2.7 9 192.0.2.1 22\0');
    },
    started: () => started,
    container: (pid) => {
      looked.push(`container ${pid}`);
      return ID;
    },
  });
  beforeEach(() => {
    looked = [];
  });

  test('a session once, until its leader’s pid is another process', () => {
    const origins = new Origins(files(500n));
    const remote = { address: '192.0.2.7', port: 9 };
    for (const start of [500 * TICK, 500 * TICK, 0]) // 0: it is gone by now
      expect(origins.remote(7, start)).toEqual(remote);
    expect(looked).toEqual(['environment 7']);
    expect(origins.remote(7, 900 * TICK)).toBeNull(); // /proc shows another process than the kernel told
  });

  test('nothing is said of a leader that is gone', () => {
    expect(new Origins(files(null)).remote(7, 0)).toBeNull();
    expect(new Origins(files(null)).remote(7, 500 * TICK)).toBeNull();
    expect(looked).toEqual([]);
  });

  test('the container of a session once, and again in another cgroup, namespace or session', () => {
    const origins = new Origins(files(1n));
    const start = 500 * TICK;
    for (const [pid, leader, place] of [
      [1, 7, { start, cgroup: 10, namespace: 100 }],
      [2, 7, { start, cgroup: 10, namespace: 100 }],
      [3, 7, { start, cgroup: 10, namespace: 101 }],
      [4, 7, { start, cgroup: 11, namespace: 101 }],
      [5, 8, { start, cgroup: 11, namespace: 101 }],
      [6, 8, { start: start + 1, cgroup: 11, namespace: 101 }], // pids and namespaces are used again
      [7, 8, { start: 0, cgroup: 11, namespace: 101 }], // which session, nobody knows
      [8, 8, { start: 0, cgroup: 11, namespace: 101 }],
    ] as const)
      expect(origins.container(pid, leader, place)).toBe(ID);
    expect(looked).toEqual([1, 3, 4, 5, 6, 7, 8].map((pid) => `container ${pid}`));
  });

  test('a process that is gone says nothing, and is asked once', () => {
    const origins = new Origins({
      ...files(null),
      container: (pid) => {
        looked.push(`container ${pid}`);
        return null;
      },
    });
    const place = { start: 5, cgroup: 10, namespace: 100 };
    for (let i = 0; i < 3; i++) expect(origins.container(9, 7, place)).toBeNull();
    expect(looked).toEqual(['container 9']);
  });
});
