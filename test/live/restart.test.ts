/** Nothing lost and nothing twice, whatever happens to the collector. */
import { CollectorProcess, type Row, until } from './collector-process.ts';
import { Feeder } from './feeder.ts';
import { describeLive } from './requires.ts';
import { closeShells, ShellSession } from './shell-session.ts';

afterEach(closeShells);

const KILLS = 20;

const rowsOf = (collector: CollectorProcess, pid: number): Row[] =>
  collector.query(
    `SELECT eid, command, exit_code, status FROM shell_history_live WHERE pid = ${pid} ORDER BY eid`,
  );

async function ledger(collector: CollectorProcess): Promise<Record<string, number>> {
  let ring: Record<string, number> = {};
  await until(() => {
    ring = collector.query('SELECT * FROM live_audit_rings')[0] as Record<string, number>;
    const lost = Object.entries(ring).filter(([name]) => name.startsWith('lost_'));
    const accounted = lost.reduce((sum, [, n]) => sum + n, ring.events_stored ?? 0);
    return ring.events_seen === accounted;
  }, 10_000);
  return ring;
}

describeLive('a collector that goes and comes', () => {
  let collector: CollectorProcess;
  beforeEach(async () => {
    collector = await CollectorProcess.start();
  });
  afterEach(() => collector.end());

  test(`kill -9, ${KILLS} times, under 1,000 commands/s: none missing, none twice`, async () => {
    const feeder = new Feeder();
    let feeding = true;
    const fed = (async () => {
      while (feeding) await feeder.feed(1000, 100);
    })();
    for (let i = 0; i < KILLS; i++) {
      await new Promise((resolve) => setTimeout(resolve, 20 + Math.random() * 300));
      await collector.stop('SIGKILL');
      collector = await collector.restarted();
    }
    feeding = false;
    await fed;
    await feeder.finish();
    await until(() => rowsOf(collector, feeder.pid).length >= feeder.sent).catch(() => {});
    const rows = rowsOf(collector, feeder.pid);
    const wanted = Array.from({ length: feeder.sent }, (_, n) => [Feeder.command(n), n % 251]);
    expect(rows.map((row) => [row.command, row.exit_code])).toEqual(wanted);
    const [all] = collector.query(
      'SELECT count(*) AS n, max(eid) - min(eid) + 1 AS span FROM shell_history_live',
    );
    expect(all?.span).toBe(all?.n);
    const { lost_reserve, lost_incomplete, lost_decode } = await ledger(collector);
    expect({ lost_reserve, lost_incomplete, lost_decode }).toEqual({
      lost_reserve: 0,
      lost_incomplete: 0,
      lost_decode: 0,
    });
  }, 120_000);

  test('a command that goes on over a restart is one whole row', async () => {
    const shell = await ShellSession.open();
    const from = shell.pty.output.length;
    await shell.pty.type('sleep 1.5; (exit 9)\r');
    await shell.pty.expect(/exit 9\)\r\n/, from);
    await new Promise((resolve) => setTimeout(resolve, 200));
    await collector.stop('SIGTERM');
    collector = await collector.restarted();
    await shell.pty.expect(/\[9\]> /, from);
    await until(() => rowsOf(collector, shell.pid).length === 1);
    const [row] = collector.query(
      `SELECT command, exit_code, duration FROM shell_history_live WHERE pid = ${shell.pid}`,
    );
    expect(row).toMatchObject({ command: 'sleep 1.5; (exit 9)', exit_code: 9 });
    expect(row?.duration).toBeGreaterThan(1.5e9);
  });

  test('what is typed while nobody collects is there afterwards', async () => {
    const shell = await ShellSession.open();
    await collector.stop('SIGTERM');
    await shell.run('true unseen');
    await shell.run('(exit 5)');
    collector = await collector.restarted();
    await until(() => rowsOf(collector, shell.pid).length === 2);
    expect(rowsOf(collector, shell.pid)).toMatchObject([
      { command: 'true unseen', exit_code: 0 },
      { command: '(exit 5)', exit_code: 5 },
    ]);
  });

  test('when the kernel’s ring is full the newest are lost and counted, and the shell never waits', async () => {
    const primes = [15013, 12007, 10007];
    collector.child.kill('SIGSTOP');
    const feeder = new Feeder();
    for (const prime of primes) await feeder.burst(prime);
    await feeder.finish();
    collector.child.kill('SIGCONT');
    const sent = primes.reduce((a, b) => a + b);
    expect(feeder.sent).toBe(sent);
    const ring = await ledger(collector);
    const rows = rowsOf(collector, feeder.pid);
    expect(ring.lost_reserve).toBeGreaterThan(0);
    expect(rows.length).toBe(sent - Number(ring.lost_reserve));
    const texts = new Set(rows.map((row) => row.command));
    expect(texts.size).toBe(rows.length);
    expect(rows[0]?.command).toBe(Feeder.command(0));
  }, 60_000);
});
