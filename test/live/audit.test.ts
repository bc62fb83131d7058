/** The kernel's audit as it is, read with SQL: bursts, files, messages, losses, restarts. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { RulePermission } from '../../native/audit-rule.ts';
import { AuditWorld, describeAudit, ledgerOf } from './audit-world.ts';
import { CollectorProcess, type Row, until } from './collector-process.ts';

const TABLES = ['audit_process_events', 'audit_file_events', 'audit_user_events'];
const EXEC = ['execve', 'execveat'];

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'audit-'));
const config = path.join(directory, 'config.json');
const others = ['shell_history_live', 'postgres_queries', 'mysql_queries'];
fs.writeFileSync(
  config,
  JSON.stringify({
    tables: Object.fromEntries(others.map((name) => [name, false])),
    ring_bytes: 128 * 1024 * 1024, // all that a test makes
  }),
);
const before = process.env.LIVE_AUDIT_CONFIG;

let world: AuditWorld;
let collector: CollectorProcess;

beforeAll(() => {
  process.env.LIVE_AUDIT_CONFIG = config;
});
afterAll(() => {
  if (before === undefined) delete process.env.LIVE_AUDIT_CONFIG;
  else process.env.LIVE_AUDIT_CONFIG = before;
  fs.rmSync(directory, { recursive: true });
});

const begin = async (): Promise<void> => {
  world = new AuditWorld();
  collector = await CollectorProcess.start();
};
const finish = async (): Promise<void> => {
  world.end();
  await collector.end();
};

/** Seen = stored + lost, in each table. */
function expectBalance(): void {
  for (const table of TABLES) {
    const ledger = ledgerOf(collector, table);
    const lost = Object.entries(ledger).filter(([name]) => name.startsWith('lost_'));
    const sum = lost.reduce((total, [, count]) => total + count, 0);
    expect({ table, seen: ledger.events_seen }).toEqual({
      table,
      seen: (ledger.events_stored ?? 0) + sum,
    });
    for (const [, count] of lost) expect(count).toBeGreaterThanOrEqual(0);
  }
}

/** Say something until its row comes: all that was before it has been read. What is said may be lost, too. */
async function mark(name: string): Promise<Row> {
  for (let n = 0; n < 10; n++) {
    const account = n === 0 ? name : `${name}-again-${n}`;
    world.say(
      1100,
      `op=mark acct="${account}" exe="/bin/x" hostname=? addr=? terminal=? res=success`,
    );
    const sql = `SELECT serial, eid FROM audit_user_events WHERE account = '${account}'`;
    const [row] = await collector.rows(sql, 1, 10_000);
    if (row) return row;
  }
  throw new Error(`${name} did not come`);
}

/** What was counted up to a serial number: taken again where somebody else had an event meanwhile. */
async function snapshot(name: string) {
  for (let n = 0; n < 15; n++) {
    const { serial } = await mark(`${name}-${n}`);
    await new Promise((resolve) => setTimeout(resolve, 3500)); // what is open waits for two seconds, and so do gaps
    const [counted = {}] = collector.query(
      `SELECT lost_gap AS gap, lost_incomplete AS incomplete,
         (SELECT lost FROM live_audit_probes WHERE table_name = 'audit_file_events') AS lost
       FROM live_audit_rings WHERE table_name = 'audit_file_events'`,
    );
    const after = await mark(`${name}-${n}-after`);
    if (Number(after.serial) !== Number(serial) + 1) continue;
    return {
      serial: Number(serial),
      gap: Number(counted.gap),
      incomplete: Number(counted.incomplete),
      lost: Number(counted.lost),
    };
  }
  throw new Error('there is no moment without an event of somebody else');
}

/** How many events there are from one serial number to another: one may have rows in several tables. */
function eventsBetween(from: number, to: number): number {
  const serials = TABLES.map((table) => `SELECT serial FROM ${table}`).join(' UNION ');
  const [row] = collector.query(
    `SELECT count(*) AS n FROM (${serials}) WHERE serial > ${from} AND serial < ${to}`,
  );
  return Number(row?.n);
}

describeAudit('the kernel’s audit', () => {
  beforeEach(begin);
  afterEach(finish);

  test('5,000 programs in a burst: all are there, each once', async () => {
    world.watch('burst', EXEC);
    world.run('i=0; while [ $i -lt 5000 ]; do /bin/true $i; i=$((i+1)); done');
    await mark('after-burst');
    const [row] = collector.query(
      `SELECT count(*) AS rows, count(DISTINCT cmdline) AS different, min(success) AS success, sum(truncated) AS truncated
       FROM audit_process_events WHERE key = 'burst' AND path = '/usr/bin/true' AND syscall = 'execve'`,
    );
    expect(row).toEqual({ rows: 5000, different: 5000, success: 1, truncated: 0 });
    for (const table of TABLES)
      expect(ledgerOf(collector, table)).toMatchObject({
        lost_gap: 0,
        lost_kernel: 0,
        lost_incomplete: 0,
        lost_decode: 0,
      });
    expectBalance();
  }, 120_000);

  test('what is done to files, and by whom', async () => {
    const watched = path.join(directory, 'watched');
    fs.mkdirSync(watched, { mode: 0o777 });
    const { r, w, a } = RulePermission;
    world.watchDirectory('files', watched, r | w | a);
    world.run(
      'echo one >file; cat file >/dev/null; mv file new; ln -s new soft; chmod 600 new; mkdir d; rmdir d; rm new soft',
      watched,
    );
    await mark('after-files');
    const rows = collector.query(
      "SELECT operation, path, dest_path, executable, gid, success, partial FROM audit_file_events WHERE key = 'files' ORDER BY eid",
    );
    const at = (name: string) => path.join(watched, name);
    expect(
      rows.map(({ operation, path: file, dest_path }) => [operation, file, dest_path]),
    ).toEqual([
      ['open+truncate', at('file'), null],
      ['open', at('file'), null],
      ['rename', at('file'), at('new')],
      ['symlink', 'new', at('soft')],
      ['chmod', at('new'), null],
      ['mkdir', at('d'), null],
      ['rmdir', at('d'), null],
      ['unlink', at('new'), null],
      ['unlink', at('soft'), null],
    ]);
    for (const row of rows) expect(row).toMatchObject({ gid: 54321, success: 1, partial: 'false' });
    expect(rows.map(({ executable }) => executable).slice(1, 3)).toEqual([
      '/usr/bin/cat',
      '/usr/bin/mv',
    ]);
    const [summary] = collector.query(
      `SELECT count FROM audit_summary WHERE kind = 'file' AND name = '${at('soft')}' AND pid = (SELECT pid FROM audit_file_events WHERE operation = 'unlink' LIMIT 1)`,
    );
    expect(summary).toEqual({ count: 1 });
    expectBalance();
  }, 60_000);

  test('a message: who sent it is what the kernel says', async () => {
    world.say(
      1112,
      'op=login acct="root" pid=1 uid=99 exe="/usr/sbin/sshd" hostname=h addr=192.0.2.7 terminal=ssh res=failed',
    );
    const [row] = await collector.rows(
      "SELECT * FROM audit_user_events WHERE type_name = 'USER_LOGIN'",
      1,
    );
    expect(row).toMatchObject({
      type: 1112,
      account: 'root',
      address: '192.0.2.7',
      terminal: 'ssh',
      result: 'failed',
      pid: process.pid,
      uid: 0,
    });
    expect(Math.abs(Number(row?.time) - Date.now() / 1000)).toBeLessThan(30);
    expect(Number(row?.uptime)).toBeLessThanOrEqual(os.uptime() + 1);
  });

  test('a record that does not come from the kernel is none', async () => {
    // sk Eth Pid Groups Rmem Wmem Dump Locks Drops Inode: the socket of the collector that listens.
    const sockets = `/proc/${collector.child.pid}/fd`;
    const files = fs.readdirSync(sockets).map((fd) => fs.readlinkSync(`${sockets}/${fd}`));
    const port = fs
      .readFileSync('/proc/net/netlink', 'utf8')
      .split('\n')
      .map((socket) => socket.trim().split(/\s+/))
      .find(([, , , groups, , , , , , inode]) => {
        return groups === '00000001' && files.includes(`socket:[${inode}]`);
      })?.[2];
    const script = [
      'import socket, struct, sys',
      'text = sys.argv[2].encode()',
      'netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 9)',
      'record = struct.pack("=IHHII", 16 + len(text), 1112, 0, 0, 0) + text',
      'netlink.sendto(record, (int(sys.argv[1]), 0))',
    ].join('\n');
    const record = `audit(${Math.floor(Date.now() / 1000)}.000:1): pid=1 uid=0 msg='op=login acct="forged" res=success'`;
    const sent = spawnSync('python3', ['-c', script, String(port), record], { encoding: 'utf8' });
    expect(sent).toMatchObject({ status: 0, stderr: '' });
    await mark('after-forged');
    const sql = "SELECT eid FROM audit_user_events WHERE account = 'forged'";
    expect(collector.query(sql)).toEqual([]);
  }, 60_000);

  test('what the kernel recorded while nobody collected is a gap of that size, and nothing comes twice', async () => {
    world.watch('restart', EXEC);
    world.run('/bin/true first');
    await mark('before-stop');
    await collector.stop('SIGTERM');
    const gap = ledgerOf(collector, 'audit_process_events').lost_gap ?? 0;
    world.run('/bin/true 1; /bin/true 2; /bin/true 3'); // with sh and setpriv 5 programs, or more by PATH
    collector = await collector.restarted();
    await mark('after-start');
    await until(() => (ledgerOf(collector, 'audit_process_events').lost_gap ?? 0) > gap);
    const [markers = {}] = collector.query(
      "SELECT min(serial) AS from_, max(serial) AS to_ FROM audit_user_events WHERE account IN ('before-stop', 'after-start')",
    );
    const stored = eventsBetween(Number(markers.from_), Number(markers.to_));
    for (const table of TABLES)
      expect((ledgerOf(collector, table).lost_gap ?? 0) - gap).toBe(
        Number(markers.to_) - Number(markers.from_) - 1 - stored,
      );
    expect(
      collector.query(
        "SELECT count(*) AS n FROM audit_process_events WHERE cmdline = '/bin/true first'",
      ),
    ).toEqual([{ n: 1 }]);
    expectBalance();
  }, 60_000);

  test('killed: the next one goes on, nothing comes twice, the ledger balances', async () => {
    world.watch('kill', EXEC);
    world.run('for i in 1 2 3 4 5 6 7; do /bin/true $i; done');
    await mark('before-kill');
    await collector.stop('SIGKILL');
    collector = await collector.restarted();
    world.run('/bin/true 8');
    await mark('after-kill');
    const rows = collector.query(
      "SELECT cmdline FROM audit_process_events WHERE key = 'kill' AND path = '/usr/bin/true' ORDER BY eid",
    );
    expect(rows.map(({ cmdline }) => cmdline)).toEqual(
      [1, 2, 3, 4, 5, 6, 7, 8].map((n) => `/bin/true ${n}`),
    );
    expectBalance();
  }, 60_000);

  test('find / under a broad rule with a reader that hangs: what is not there is counted, to the event', async () => {
    world.watch('broad', ['openat', 'open', 'newfstatat', 'getdents64', 'close', 'fchdir']);
    const from = await snapshot('from');
    collector.child.kill('SIGSTOP');
    try {
      world.run('find / -xdev -maxdepth 5 >/dev/null 2>&1 || true');
    } finally {
      collector.child.kill('SIGCONT');
    }
    const to = await snapshot('to');
    const events = to.serial - from.serial - 1;
    const gap = to.gap - from.gap;
    const incomplete = to.incomplete - from.incomplete;
    process.stderr.write(
      `find: ${events} events, ${gap} did not come, ${incomplete} in part; ${to.lost} records lost\n`,
    );
    expect(events).toBeGreaterThan(20_000);
    expect(eventsBetween(from.serial, to.serial) + gap + incomplete).toBe(events);
    expect(to.lost > 0).toBe(gap + incomplete > 0);
    expectBalance();
  }, 180_000);
});

describeAudit('without anything asked for', () => {
  test('audit is off: no rows, and live_audit_probes says what helps', async () => {
    collector = await CollectorProcess.start();
    const probes = collector.query(
      "SELECT DISTINCT state, last_error FROM live_audit_probes WHERE table_name LIKE 'audit%'",
    );
    expect(probes).toEqual([
      { state: 'attached', last_error: expect.stringMatching(/audit is off.*audit-rules --check/) },
    ]);
    await collector.end();
  });
});

describeAudit('without the right to read audit records', () => {
  test('the collector captures all else, and says what is missing', async () => {
    const own = path.join(directory, 'shells.json');
    const tables = { postgres_queries: false, mysql_queries: false };
    fs.writeFileSync(own, JSON.stringify({ tables }));
    process.env.LIVE_AUDIT_CONFIG = own;
    try {
      const without = ['setpriv', '--bounding-set=-audit_read', '--inh-caps=-audit_read'];
      collector = await CollectorProcess.start(undefined, without);
      const failed = (table: string) => [
        { table_name: table, state: 'failed', last_error: expect.stringMatching(/CAP_AUDIT_READ/) },
      ];
      const probes = await collector.rows(
        "SELECT table_name, state, last_error FROM live_audit_probes WHERE state = 'failed' AND table_name LIKE 'audit%'",
        TABLES.length,
      );
      expect(probes).toEqual(TABLES.flatMap(failed));
      await collector.end();
    } finally {
      process.env.LIVE_AUDIT_CONFIG = config;
    }
  }, 60_000);
});
