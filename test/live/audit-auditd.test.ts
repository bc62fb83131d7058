/** Beside a real auditd: both have all, neither ousts the other, and its log gives the rows that we stored. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { RulePermission } from '../../native/audit-rule.ts';
import { AuditWorld, describeAudit } from './audit-world.ts';
import { CollectorProcess, type Row, run, until } from './collector-process.ts';

const AUDITD = '/usr/sbin/auditd';
const describeAuditd = fs.existsSync(AUDITD)
  ? describeAudit
  : (name: string, body: () => void) =>
      describe.skip(`${name} (skipped: auditd is not installed)`, body);

/** As Debian's, but that it writes to a place of our own. */
const settings = (directory: string): string => `
local_events = yes
write_logs = yes
log_file = ${directory}/audit.log
log_group = root
log_format = ENRICHED
flush = NONE
max_log_file = 100
num_logs = 2
max_log_file_action = IGNORE
space_left = 2
space_left_action = IGNORE
admin_space_left = 1
admin_space_left_action = IGNORE
disk_full_action = IGNORE
disk_error_action = IGNORE
plugin_dir = ${directory}/plugins.d
`;

/** What a file cannot know, and what is numbered by the ring. */
const LIVE_ONLY = ['eid', 'uptime', 'container_id', 'consumer'];

async function ended(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await exited;
}

describeAuditd('auditd beside us', () => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'auditd-'));
  const log = path.join(directory, 'audit.log');
  const watched = path.join(directory, 'watched');
  const before = process.env.LIVE_AUDIT_CONFIG;
  let world: AuditWorld;
  let collector: CollectorProcess;
  let auditd: ChildProcess;

  beforeAll(async () => {
    fs.mkdirSync(path.join(directory, 'plugins.d'));
    fs.mkdirSync(watched);
    fs.writeFileSync(path.join(directory, 'auditd.conf'), settings(directory), { mode: 0o640 });
    const off = { shell_history_live: false, postgres_queries: false, mysql_queries: false };
    process.env.LIVE_AUDIT_CONFIG = path.join(directory, 'config.json');
    fs.writeFileSync(process.env.LIVE_AUDIT_CONFIG, JSON.stringify({ tables: off }));
    world = new AuditWorld();
    collector = await CollectorProcess.start();
    auditd = spawn(AUDITD, ['-n', '-s', 'nochange', '-c', directory], { stdio: 'ignore' });
    await until(() => world.control.status().pid === auditd.pid);
  }, 60_000);

  afterAll(async () => {
    await ended(auditd);
    world?.end();
    await collector?.end();
    if (before === undefined) delete process.env.LIVE_AUDIT_CONFIG;
    else process.env.LIVE_AUDIT_CONFIG = before;
    fs.rmSync(directory, { recursive: true });
  }, 60_000);

  const TABLES = ['audit_process_events', 'audit_file_events'] as const;

  const stored = (table: string): Row[] =>
    collector.query(`SELECT * FROM ${table} WHERE key = 'both' ORDER BY serial`);

  test('auditd’s log gives the very rows that the rings hold, and ausearch has the same events', async () => {
    const { r, w, a } = RulePermission;
    world.watch('both', ['execve', 'execveat']);
    world.watchDirectory('both', watched, r | w | a);
    world.run(
      'for i in $(seq 1 200); do /bin/true "arg $i" é; done; echo x >f; mv f g; cat g; ln -s g "a link"; rm g "a link"; /bin/no-such || true',
      watched,
    );
    world.clear();
    world.say(1112, 'op=end acct="both" exe="/x" hostname=? addr=? terminal=? res=success');
    const end = "SELECT 1 FROM audit_user_events WHERE account = 'both'";
    expect(await collector.rows(end, 1, 20_000)).toHaveLength(1);
    await until(() => fs.readFileSync(log, 'latin1').includes('acct="both"'), 20_000);

    for (const table of TABLES) {
      const ring = stored(table);
      expect(ring.length).toBeGreaterThan(table === 'audit_process_events' ? 200 : 5);
      const sql = `SELECT * FROM ${table} WHERE key = 'both' ORDER BY serial`;
      const file: Row[] = JSON.parse(run(['audit-parse', '--json', '--sql', sql, log]).stdout);
      const without = (row: Row) =>
        Object.entries(row).filter(([name]) => !LIVE_ONLY.includes(name));
      expect(file.map(without)).toEqual(ring.map(without));
    }
    const { stdout } = spawnSync('ausearch', ['-if', log, '-k', 'both', '--raw'], {
      encoding: 'latin1',
      input: '',
    });
    const calls = [
      ...stdout.matchAll(/^type=SYSCALL msg=audit\([\d.]+:(\d+)\).* key="both"/gm),
    ].map(([, serial]) => Number(serial));
    const serials = TABLES.flatMap((table) => stored(table).map(({ serial }) => Number(serial)));
    expect(serials.sort((x, y) => x - y)).toEqual(calls.sort((x, y) => x - y));
  }, 90_000);

  test('neither ousts the other', async () => {
    expect(world.control.status().pid).toBe(auditd.pid);
    await collector.stop('SIGTERM');
    collector = await collector.restarted();
    expect(world.control.status().pid).toBe(auditd.pid);
    expect(auditd.exitCode).toBeNull();
    world.say(1112, 'op=end acct="after" exe="/x" hostname=? addr=? terminal=? res=success');
    const after = "SELECT 1 FROM audit_user_events WHERE account = 'after'";
    expect(await collector.rows(after, 1, 20_000)).toHaveLength(1);
    await until(() => fs.readFileSync(log, 'latin1').includes('acct="after"'));
  }, 60_000);
});
