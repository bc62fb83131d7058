/** The kernel's audit for live tests: rules that only the test's own processes match, and all put back afterwards. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import path from 'node:path';
import { AuditControl, type AuditStatus, NETLINK_AUDIT } from '../../native/audit-control.ts';
import { type AuditRule, RuleAction, RuleField, RuleList } from '../../native/audit-rule.ts';
import { NetlinkHeader, NetlinkSocket } from '../../native/netlink.ts';
import { AUDIT_ARCH, type Machine, syscallNumber } from '../../tables/audit/names.ts';

/** A group that nobody has: the rules are for its processes. */
const GROUP = 54_321;
const FIELD_GID = 5;
const NLM_F_REQUEST = 1;

/** Why the kernel's audit cannot be tested here, or null. */
export function auditProblem(): string | null {
  if (process.geteuid?.() !== 0) return 'needs root';
  try {
    const control = new AuditControl();
    try {
      const { enabled, pid } = control.status();
      if (enabled > 1) return 'the audit rules are locked';
      if (pid !== 0) return 'auditd runs: its rules are not ours to change';
      return control.rules().length > 0
        ? 'there are audit rules that are not ours to change'
        : null;
    } finally {
      control.close();
    }
  } catch (error) {
    return `needs a kernel with audit, in its first namespaces: ${(error as Error).message}`;
  }
}

export function describeAudit(name: string, body: () => void): void {
  const problem = auditProblem();
  if (problem === null) describe(name, body);
  else describe.skip(`${name} (skipped: ${problem})`, body);
}

const MACHINE: Machine = process.arch === 'arm64' ? 'aarch64' : 'x86_64';

export class AuditWorld {
  readonly control = new AuditControl();
  readonly #before = this.control.status();
  readonly #guard: ChildProcess;

  constructor() {
    this.#guard = guard(this.#before);
    this.control.setBacklogLimit(65_536);
    this.control.setEnabled(true);
  }

  /** Record these system calls of the group's processes. */
  watch(key: string, calls: readonly string[]): void {
    const syscalls = calls.map((name) => syscallNumber(MACHINE, name)).filter((n) => n !== null);
    const arch = AUDIT_ARCH[MACHINE === 'aarch64' ? 'aarch64' : 'x86_64'];
    this.add(syscalls, [
      { field: RuleField.ARCH, value: arch },
      { field: FIELD_GID, value: GROUP },
      { field: RuleField.KEY, value: key },
    ]);
  }

  /** Record what the group's processes do below a directory. */
  watchDirectory(key: string, path: string, permissions: number): void {
    this.add(null, [
      { field: RuleField.DIR, value: path },
      { field: RuleField.PERM, value: permissions },
      { field: FIELD_GID, value: GROUP },
      { field: RuleField.KEY, value: key },
    ]);
  }

  add(
    syscalls: AuditRule['syscalls'],
    fields: readonly { field: number; value: number | string }[],
  ): void {
    this.control.addRule({
      list: RuleList.EXIT,
      action: RuleAction.ALWAYS,
      syscalls,
      fields: fields.map((field) => ({ ...field, isEqual: true })),
    });
  }

  /** Run a shell command in the group. */
  run(command: string, cwd = '/'): void {
    const { status, stderr } = spawnSync(
      'setpriv',
      ['--regid', String(GROUP), '--keep-groups', '/bin/sh', '-c', command],
      { cwd, encoding: 'utf8', env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C.UTF-8' } },
    );
    if (status !== 0) throw new Error(`${command}: ${status} ${stderr}`);
  }

  /** Say something as programs do. */
  say(type: number, text: string): void {
    const socket = new NetlinkSocket(NETLINK_AUDIT, 0);
    const body = Buffer.from(`${text}\0`);
    const message = Buffer.alloc(NetlinkHeader.size + body.length);
    message.writeUInt32LE(message.length, NetlinkHeader.length);
    message.writeUInt16LE(type, NetlinkHeader.type);
    message.writeUInt16LE(NLM_F_REQUEST, NetlinkHeader.flags);
    body.copy(message, NetlinkHeader.size);
    socket.send(message);
    socket.close();
  }

  clear(): void {
    for (const rule of this.control.rules()) this.control.deleteRule(rule);
  }

  /** All as it was. */
  end(): void {
    this.clear();
    this.control.setEnabled(this.#before.enabled === 1);
    this.control.setBacklogLimit(this.#before.backlogLimit);
    this.control.close();
    this.#guard.kill('SIGKILL');
  }
}

/** Also where the test is killed: in a process group of its own, it sees its input end. */
function guard({ enabled, backlogLimit }: AuditStatus): ChildProcess {
  const script = path.join(__dirname, 'audit-guard.ts');
  const args = [script, String(enabled), String(backlogLimit)];
  return spawn(process.execPath, args, { detached: true, stdio: ['pipe', 'ignore', 'inherit'] });
}
