/** The kernel's audit as it is, read with SQL: bursts, files, messages, missing rights. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { RulePermission } from '../../native/audit-rule.ts';
import { AuditCollector, EXEC, TABLES } from './audit-collector.ts';
import { describeAudit } from './audit-world.ts';
import { CollectorProcess, until } from './collector-process.ts';

describeAudit('the kernel’s audit', () => {
  let audit: AuditCollector;
  beforeEach(async () => {
    audit = await AuditCollector.start();
  });
  afterEach(() => audit.end());

  test('5,000 programs in a burst: all are there, each once', async () => {
    audit.world.watch('burst', EXEC);
    audit.world.run('i=0; while [ $i -lt 5000 ]; do /bin/true $i; i=$((i+1)); done');
    await audit.mark('after-burst');
    const [row] = audit.query(
      `SELECT count(*) AS rows, count(DISTINCT cmdline) AS different, min(success) AS success, sum(truncated) AS truncated
       FROM audit_process_events WHERE key = 'burst' AND path = '/usr/bin/true' AND syscall = 'execve'`,
    );
    expect(row).toEqual({ rows: 5000, different: 5000, success: 1, truncated: 0 });
    for (const table of TABLES)
      expect(audit.ledger(table)).toMatchObject({
        lost_gap: 0,
        lost_kernel: 0,
        lost_incomplete: 0,
        lost_decode: 0,
      });
    audit.expectBalance();
  }, 120_000);

  test('what is done to files, and by whom', async () => {
    const watched = path.join(audit.directory, 'watched');
    fs.mkdirSync(watched, { mode: 0o777 });
    const { r, w, a } = RulePermission;
    audit.world.watchDirectory('files', watched, r | w | a);
    audit.world.run(
      'echo one >file; cat file >/dev/null; mv file new; ln -s new soft; chmod 600 new; mkdir d; rmdir d; rm new soft',
      watched,
    );
    await audit.mark('after-files');
    const rows = audit.query(
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
    const [summary] = audit.query(
      `SELECT count FROM audit_summary WHERE kind = 'file' AND name = '${at('soft')}' AND pid = (SELECT pid FROM audit_file_events WHERE operation = 'unlink' LIMIT 1)`,
    );
    expect(summary).toEqual({ count: 1 });
    audit.expectBalance();
  }, 60_000);

  test('a message: who sent it is what the kernel says', async () => {
    audit.world.say(
      1112,
      'op=login acct="root" pid=1 uid=99 exe="/usr/sbin/sshd" hostname=h addr=192.0.2.7 terminal=ssh res=failed',
    );
    const [row] = await audit.process.rows(
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
    const sockets = `/proc/${audit.process.child.pid}/fd`;
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
    await audit.mark('after-forged');
    const sql = "SELECT eid FROM audit_user_events WHERE account = 'forged'";
    expect(audit.query(sql)).toEqual([]);
  }, 60_000);

  test('audit is off: live_audit_probes says what helps', async () => {
    audit.world.control.setEnabled(false);
    const sql =
      "SELECT DISTINCT state, last_error FROM live_audit_probes WHERE table_name LIKE 'audit%'";
    await until(() => audit.query(sql)[0]?.last_error !== null);
    expect(audit.query(sql)).toEqual([
      { state: 'attached', last_error: expect.stringMatching(/audit is off.*audit-rules --check/) },
    ]);
  }, 60_000);
});

describeAudit('without the right to read audit records', () => {
  test('the collector captures all else, and says what is missing', async () => {
    const without = ['setpriv', '--bounding-set=-audit_read', '--inh-caps=-audit_read'];
    const collector = await CollectorProcess.start(undefined, without);
    const probes = await collector.rows(
      "SELECT table_name, state, last_error FROM live_audit_probes WHERE state = 'failed' AND table_name LIKE 'audit%'",
      TABLES.length,
    );
    await collector.end();
    expect(probes).toEqual(
      TABLES.map((table) => ({
        table_name: table,
        state: 'failed',
        last_error: expect.stringMatching(/CAP_AUDIT_READ/),
      })),
    );
  }, 60_000);
});
