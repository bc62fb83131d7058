/** Nothing lost and nothing twice, whatever happens to the collector. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { CollectorProcess, type Row, run, until } from './collector-process.ts';
import { Feeder } from './feeder.ts';
import { ledger } from './ledger.ts';
import { describeLive } from './requires.ts';
import { closeShells, ShellSession } from './shell-session.ts';

afterEach(closeShells);

const KILLS = 20;

const rowsOf = (collector: CollectorProcess, pid: number): Row[] =>
  collector.query(
    `SELECT eid, command, exit_code, status FROM shell_history_live WHERE pid = ${pid} ORDER BY eid`,
  );

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
});

describeLive('a kernel ring that is full', () => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'full-'));
  const RING_BYTES = 65_536;
  /** Commands of each burst: one fits, the others do not; prime numbers, so that no two sums are alike. */
  const BURSTS = [97, 1009, 2003, 101, 1511];
  let collector: CollectorProcess;
  beforeAll(async () => {
    const file = path.join(directory, 'config.json');
    fs.writeFileSync(file, JSON.stringify({ kernel_ring_bytes: RING_BYTES }), { mode: 0o600 });
    process.env.LIVE_AUDIT_CONFIG = file;
    collector = await CollectorProcess.start();
  });
  afterAll(async () => {
    await collector.end();
    delete process.env.LIVE_AUDIT_CONFIG;
    fs.rmSync(directory, { recursive: true });
  });

  /** Records that each hook of bash could not hand over. */
  const lostBy = (): Record<string, number> =>
    Object.fromEntries(
      collector
        .query(
          `SELECT symbol || ' ' || hook AS hook, sum(lost) AS lost FROM live_audit_probes
           WHERE table_name = 'shell_history_live' GROUP BY symbol, hook`,
        )
        .map(({ hook, lost }) => [String(hook), Number(lost)]),
    );

  test('the newest are lost and counted, by reason and by hook; the shell never waits', async () => {
    const before = await ledger(collector);
    let lost = 0;
    let sent = 0;
    for (const burst of BURSTS) {
      collector.child.kill('SIGSTOP');
      const feeder = new Feeder();
      await feeder.burst(burst);
      await feeder.finish(); // it is at its end though nobody reads the ring
      collector.child.kill('SIGCONT');
      sent += burst;
      const ring = await ledger(collector);
      const rows = rowsOf(collector, feeder.pid);
      const lostNow = Number(ring.lost_reserve) - Number(before.lost_reserve) - lost;
      expect(rows.map((row) => row.command)).toEqual(
        rows.map((_, n) => Feeder.command(n)), // the oldest, without a gap
      );
      expect([burst, rows.length]).toEqual([burst, burst - lostNow]);
      expect([burst, lostNow > 0]).toEqual([burst, burst > 1000]);
      lost += lostNow;
    }
    const ring = await ledger(collector);
    expect(Number(ring.events_seen) - Number(before.events_seen)).toBeGreaterThanOrEqual(sent);
    await until(() => Number(lostBy()['readline return']) >= lost);
    // A command whose context found no room sends nothing else: few other records were lost.
    const { 'readline return': typed = 0, ...others } = lostBy();
    expect(typed).toBeLessThan(lost + BURSTS.length * 2);
    expect(Math.max(...Object.values(others))).toBeLessThanOrEqual(BURSTS.length);
    const { status, stdout } = run(['status', '--all', '--state-dir', collector.stateDir]);
    expect(status).toBe(0);
    expect(stdout).toMatch(`lost_reserve ${Number(ring.lost_reserve).toLocaleString('en-US')}:`);
    expect(stdout).toMatch(/readline +return +attached +[\d,]+ +[1-9][\d,]* /);
  }, 60_000);
});
