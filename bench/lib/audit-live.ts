/**
 * The kernel's audit under load: a burst of programs, and `find /` under a broad rule. Rules are for a group that
 * nobody else has, and are taken away afterwards.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AuditControl } from '../../native/audit-control.ts';
import { RuleAction, RuleField, RuleList } from '../../native/audit-rule.ts';
import { AUDIT_ARCH, syscallNumber } from '../../tables/audit/names.ts';
import type { Finding } from './report.ts';
import { cpuTime } from './usage.ts';

const EXECUTABLE = path.resolve(import.meta.dirname, '../../build/live_audit.ext');
const GROUP = 54_321;
const FIELD_GID = 5;
const BACKLOG_LIMIT = 65_536;
const PROGRAMS = 5000;
/** Events wait two seconds for what is missing of them, and so do gaps. */
const SETTLE_MS = 5000;
const TABLES = ['audit_process_events', 'audit_file_events', 'audit_user_events'];
const OTHERS = ['shell_history_live', 'postgres_queries', 'mysql_queries'];
const NS_PER_MS = 1e6;

/** Why it cannot be measured here, or null. */
export function auditProblem(): string | null {
  if (process.geteuid?.() !== 0) return 'needs root';
  const control = new AuditControl();
  const { enabled, pid } = control.status();
  const rules = control.rules().length;
  control.close();
  return enabled > 1 || pid !== 0 || rules > 0 ? 'there are audit rules or auditd already' : null;
}

interface Ledger {
  readonly gap: number;
  readonly incomplete: number;
  readonly kernel: number;
}

export class AuditLoad {
  readonly #directory = fs.mkdtempSync(path.join(os.tmpdir(), 'la-bench-'));
  readonly #control = new AuditControl();
  readonly #before = this.#control.status();
  readonly #collector: ChildProcess;
  readonly #env: NodeJS.ProcessEnv;

  private constructor() {
    const config = path.join(this.#directory, 'config.json');
    const tables = Object.fromEntries(OTHERS.map((name) => [name, false]));
    fs.writeFileSync(config, JSON.stringify({ tables, ring_bytes: 2 ** 28 }));
    this.#env = { ...process.env, LIVE_AUDIT_CONFIG: config };
    this.#control.setBacklogLimit(BACKLOG_LIMIT);
    this.#control.setEnabled(true);
    const args = ['collect', '--state-dir', this.#stateDir];
    this.#collector = spawn(EXECUTABLE, args, { stdio: 'ignore', env: this.#env });
  }

  get #stateDir(): string {
    return path.join(this.#directory, 'state');
  }

  static async start(): Promise<AuditLoad> {
    const load = new AuditLoad();
    while (!fs.existsSync(path.join(load.#stateDir, 'probes.json'))) await sleep(20);
    return load;
  }

  async end(): Promise<void> {
    for (const rule of this.#control.rules()) this.#control.deleteRule(rule);
    this.#control.setEnabled(this.#before.enabled === 1);
    this.#control.setBacklogLimit(this.#before.backlogLimit);
    this.#control.close();
    const exited = once(this.#collector, 'exit');
    this.#collector.kill('SIGTERM');
    await exited;
    fs.rmSync(this.#directory, { recursive: true });
  }

  #watch(key: string, calls: readonly string[]): void {
    const [machine, arch] =
      process.arch === 'arm64'
        ? (['aarch64', AUDIT_ARCH.aarch64] as const)
        : (['x86_64', AUDIT_ARCH.x86_64] as const);
    const values = [
      [RuleField.ARCH, arch],
      [FIELD_GID, GROUP],
      [RuleField.KEY, key],
    ] as const;
    this.#control.addRule({
      ...{ list: RuleList.EXIT, action: RuleAction.ALWAYS },
      syscalls: calls.map((name) => syscallNumber(machine, name)).filter((n) => n !== null),
      fields: values.map(([field, value]) => ({ field, value, isEqual: true })),
    });
  }

  #query(sql: string): Record<string, number> {
    const args = ['query', '--json', '--state-dir', this.#stateDir, sql];
    const { stdout } = spawnSync(EXECUTABLE, args, { encoding: 'utf8', env: this.#env });
    return JSON.parse(stdout)[0] ?? {};
  }

  #ledger(): Ledger {
    const { gap, incomplete, kernel } = this.#query(
      `SELECT lost_gap AS gap, lost_incomplete AS incomplete, lost_kernel AS kernel
       FROM live_audit_rings WHERE table_name = 'audit_file_events'`,
    );
    return { gap: gap ?? 0, incomplete: incomplete ?? 0, kernel: kernel ?? 0 };
  }

  /** Run a shell command in the group, until all of it is stored. @returns CPU of the collector, ms */
  async #run(command: string): Promise<number> {
    const pid = this.#collector.pid ?? 0;
    const before = cpuTime(pid);
    const args = ['--regid', String(GROUP), '--keep-groups', 'sh', '-c', command];
    const child = spawn('setpriv', args, { stdio: 'ignore' });
    await once(child, 'exit');
    await sleep(SETTLE_MS);
    return Number(cpuTime(pid) - before) / NS_PER_MS;
  }

  /** Each row is of one program, and each program has one. */
  async burst(): Promise<Finding[]> {
    this.#watch('burst', ['execve', 'execveat']);
    const cpu = await this.#run(
      `i=0; while [ $i -lt ${PROGRAMS} ]; do /bin/true $i; i=$((i+1)); done`,
    );
    const { rows = 0 } = this.#query(
      "SELECT count(DISTINCT cmdline) AS rows FROM audit_process_events WHERE key = 'burst' AND cmdline LIKE '/bin/true %'",
    );
    const what = `${PROGRAMS} programs in a burst`;
    return [
      { what: `${what}: missing`, rounds: [PROGRAMS - rows], unit: '', digits: 0, bar: 0 },
      { what: `${what}: CPU of the collector`, rounds: [cpu], unit: 'ms', digits: 0 },
    ];
  }

  /** Serial numbers from the first event of the group to its last are rows, or counted. */
  async find(): Promise<Finding[]> {
    this.#watch('find', ['openat', 'open', 'newfstatat', 'getdents64', 'close', 'fchdir']);
    const before = this.#ledger();
    const cpu = await this.#run('find / -xdev -maxdepth 5 >/dev/null 2>&1');
    const after = this.#ledger();
    const serials = TABLES.map((table) => `SELECT serial FROM ${table}`).join(' UNION ');
    const { events = 0, rows = 0 } = this.#query(
      `WITH ours AS (SELECT serial FROM audit_file_events WHERE key = 'find'),
         ends AS (SELECT min(serial) AS first, max(serial) AS last FROM ours)
       SELECT (SELECT last - first + 1 FROM ends) AS events,
         (SELECT count(*) FROM (${serials}), ends WHERE serial BETWEEN first AND last) AS rows`,
    );
    const lost = after.gap - before.gap + after.incomplete - before.incomplete;
    const what = `find / under a broad rule, ${events} events`;
    const counted = `lost_gap ${after.gap - before.gap}, lost_kernel ${after.kernel - before.kernel}`;
    return [
      {
        ...{ what: `${what}: neither a row nor counted`, rounds: [events - rows - lost] },
        ...{ unit: '', digits: 0, bar: 0, note: `rows ${rows}, ${counted}` },
      },
      { what: `${what}: CPU of the collector`, rounds: [cpu], unit: 'ms', digits: 0 },
    ];
  }
}
