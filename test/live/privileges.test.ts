/** The rights of a running collector: those of capture, for all its threads, and they are enough. */
import fs from 'node:fs';
import { NEEDED } from '../../native/privileges.ts';
import { kernelHasUprobeMulti } from '../../native/uprobe-multi.ts';
import { CollectorProcess } from './collector-process.ts';
import { describeLive } from './requires.ts';
import { closeShells, ShellSession } from './shell-session.ts';

/** include/uapi/linux/capability.h */
const BITS: Readonly<Record<string, number>> = {
  CAP_DAC_READ_SEARCH: 2,
  CAP_NET_ADMIN: 12,
  CAP_SYS_PTRACE: 19,
  CAP_AUDIT_CONTROL: 30,
  CAP_AUDIT_READ: 37,
  CAP_PERFMON: 38,
  CAP_BPF: 39,
};
const mask = (names: readonly string[]): bigint =>
  names.reduce((set, name) => set | (1n << BigInt(BITS[name] ?? 63)), 0n);

const capabilitiesOf = (pid: number, kind: string): bigint[] =>
  fs.readdirSync(`/proc/${pid}/task`).map((thread) => {
    const status = fs.readFileSync(`/proc/${pid}/task/${thread}/status`, 'latin1');
    return BigInt(`0x${new RegExp(`^${kind}:\\s*(\\w+)`, 'm').exec(status)?.[1] ?? ''}`);
  });

describeLive('the rights of a collector', () => {
  let collector: CollectorProcess;
  afterEach(async () => {
    closeShells();
    await collector.end();
  });

  async function captures(): Promise<void> {
    const shell = await ShellSession.open();
    await shell.run('(exit 7)');
    const rows = await collector.rows(
      `SELECT command, exit_code FROM shell_history_live WHERE pid = ${shell.pid}`,
      1,
    );
    expect(rows).toEqual([{ command: '(exit 7)', exit_code: 7 }]);
  }

  test('of root, it gives up all others, and nothing brings them back', async () => {
    collector = await CollectorProcess.start();
    const pid = collector.child.pid ?? 0;
    const most = mask([...NEEDED, 'CAP_AUDIT_CONTROL', 'CAP_NET_ADMIN']);
    for (const kind of ['CapPrm', 'CapEff', 'CapBnd'])
      for (const held of capabilitiesOf(pid, kind)) expect(held & ~most).toBe(0n);
    expect(new Set(capabilitiesOf(pid, 'NoNewPrivs'))).toEqual(new Set([1n]));
    await captures();
  });

  const unit = 'with those of the unit alone it captures: no CAP_SYS_ADMIN, no CAP_SYS_RESOURCE';
  if (!kernelHasUprobeMulti()) test.skip(`${unit} (skipped: needs Linux 6.6)`, () => {});
  else
    test(unit, async () => {
      const names = NEEDED.map((name) => `+${name.replace('CAP_', '').toLowerCase()}`);
      const limited = ['setpriv', `--bounding-set=-all,${names.join(',')}`, '--inh-caps=-all'];
      collector = await CollectorProcess.start(undefined, [...limited, '--no-new-privs']);
      for (const held of capabilitiesOf(collector.child.pid ?? 0, 'CapPrm'))
        expect(held).toBe(mask(NEEDED));
      await captures();
    });
});
