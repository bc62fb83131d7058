/** What of the kernel's audit does not come is counted: gaps, kills, floods. */
import { AuditCollector, EXEC, TABLES } from './audit-collector.ts';
import { describeAudit } from './audit-world.ts';
import { until } from './collector-process.ts';

let audit: AuditCollector;

describeAudit('losses of the kernel’s audit', () => {
  beforeEach(async () => {
    audit = await AuditCollector.start();
  });
  afterEach(() => audit.end());

  test('what the kernel recorded while nobody collected is a gap of that size, and nothing comes twice', async () => {
    audit.world.watch('restart', EXEC);
    audit.world.run('/bin/true first');
    const from = await audit.mark('before-stop');
    let gap = 0;
    await audit.restart('SIGTERM', () => {
      gap = audit.ledger('audit_process_events').lost_gap ?? 0;
      audit.world.run('/bin/true 1; /bin/true 2; /bin/true 3'); // with sh and setpriv 5 programs, or more by PATH
    });
    const to = await audit.mark('after-start');
    await until(() => (audit.ledger('audit_process_events').lost_gap ?? 0) > gap);
    const missing = to - from - 1 - audit.eventsBetween(from, to);
    for (const table of TABLES) expect((audit.ledger(table).lost_gap ?? 0) - gap).toBe(missing);
    expect(
      audit.query(
        "SELECT count(*) AS n FROM audit_process_events WHERE cmdline = '/bin/true first'",
      ),
    ).toEqual([{ n: 1 }]);
    audit.expectBalance();
  }, 60_000);

  test('killed: the next one goes on, nothing comes twice, the ledger balances', async () => {
    audit.world.watch('kill', EXEC);
    audit.world.run('for i in 1 2 3 4 5 6 7; do /bin/true $i; done');
    await audit.mark('before-kill');
    await audit.restart('SIGKILL');
    audit.world.run('/bin/true 8');
    await audit.mark('after-kill');
    const rows = audit.query(
      "SELECT cmdline FROM audit_process_events WHERE key = 'kill' AND path = '/usr/bin/true' ORDER BY eid",
    );
    expect(rows.map(({ cmdline }) => cmdline)).toEqual(
      [1, 2, 3, 4, 5, 6, 7, 8].map((n) => `/bin/true ${n}`),
    );
    audit.expectBalance();
  }, 60_000);

  test('find / under a broad rule with a reader that hangs: what is not there is counted, to the event', async () => {
    audit.world.watch('broad', ['openat', 'open', 'newfstatat', 'getdents64', 'close', 'fchdir']);
    const from = await audit.mark('from');
    audit.process.child.kill('SIGSTOP');
    try {
      audit.world.run('find / -xdev -maxdepth 5 >/dev/null 2>&1 || true');
    } finally {
      audit.process.child.kill('SIGCONT');
    }
    const to = await audit.mark('to');
    const events = to - from - 1;
    const account = () => {
      const { lost_gap = 0, lost_incomplete = 0 } = audit.ledger('audit_file_events');
      return { lost: lost_gap + lost_incomplete, rows: audit.eventsBetween(from, to) };
    };
    // What is open waits for two seconds, and so do gaps.
    await until(() => account().rows + account().lost >= events).catch(() => {});
    const { rows, lost } = account();
    const [probe] = audit.query(
      "SELECT lost FROM live_audit_probes WHERE table_name = 'audit_file_events'",
    );
    process.stderr.write(`find: ${events} events, ${lost} did not come; ${probe?.lost} records\n`);
    expect(events).toBeGreaterThan(20_000);
    expect(rows + lost).toBe(events);
    expect(Number(probe?.lost) > 0).toBe(lost > 0);
    audit.expectBalance();
  }, 180_000);
});
