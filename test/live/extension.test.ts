/** The real extension with a real bash on one side and an independent osquery core on the other. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Peer } from '../peer/peer.ts';
import { CollectorProcess, query, release, until } from './collector-process.ts';
import { describeLive, EXECUTABLE } from './requires.ts';
import { closeShells, ShellSession } from './shell-session.ts';

class ExtensionProcess {
  readonly child: ChildProcess;
  readonly exited: Promise<number | null>;
  stderr = '';
  readonly #stateDir: string;

  constructor(socket: string, stateDir: string, ...flags: string[]) {
    this.#stateDir = stateDir;
    const args = ['--socket', socket, '--timeout', '3', '--interval', '1', ...flags];
    this.child = spawn(EXECUTABLE, args, {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { PATH: process.env.PATH, LIVE_AUDIT_STATE_DIR: stateDir },
    });
    this.child.stderr?.on('data', (data) => {
      this.stderr += data;
    });
    this.exited = new Promise((resolve) => this.child.once('exit', resolve));
  }

  /** Resolves when it is registered, and it or another collects. */
  async ready(): Promise<void> {
    await until(() => {
      if (this.child.exitCode !== null) throw new Error(this.stderr);
      return this.stderr.includes('registered');
    });
    await until(() => query(this.#stateDir, 'SELECT 1 FROM live_audit_probes').length > 0);
  }
}

/** Capture is system-wide, and other tests type too: each looks at its own shell. */
const mine = (shell: ShellSession) => `SELECT * FROM shell_history_live WHERE pid = ${shell.pid}`;

const stateDirs: string[] = [];
const newStateDir = () => {
  const dir = path.join(mkdtempSync(path.join(tmpdir(), 'la-')), 'state');
  stateDirs.push(dir);
  return dir;
};

describeLive('the extension beside an independent osquery core', () => {
  let peer: Peer;
  const children: ExtensionProcess[] = [];
  const start = async (stateDir: string, ...flags: string[]) => {
    const extension = new ExtensionProcess(peer.socket, stateDir, ...flags);
    children.push(extension);
    await extension.ready();
    return extension;
  };

  beforeEach(async () => {
    peer = await Peer.start(1);
  });
  afterEach(async () => {
    closeShells();
    await peer.stop();
    for (const { child, exited } of children.splice(0)) {
      child.kill('SIGKILL');
      await exited;
    }
    for (const dir of stateDirs.splice(0)) release(dir);
  });

  test('what was typed comes through thrift as through `query`', async () => {
    const stateDir = newStateDir();
    await start(stateDir);
    const shell = await ShellSession.open();
    await shell.run('cd /usr/lib');
    await shell.run('(exit 7)');
    await shell.run('echo "Grüße"');
    await until(() => query(stateDir, mine(shell)).length === 3);

    const columns = 'eid, time_ns, command, expanded, exit_code, cwd, pid, tty, auid, status';
    const sql = `SELECT ${columns} FROM shell_history_live WHERE pid = ${shell.pid} ORDER BY eid`;
    const { rows, requests } = await peer.sql(sql);
    const text = (value: unknown) => (value === null ? '' : String(value));
    const own = query(stateDir, sql.replace('time_ns', 'CAST(time_ns AS TEXT) AS time_ns'));
    expect(
      rows.map((row) =>
        Object.entries(row)
          .map(([k, v]) => [k, text(v)])
          .sort(),
      ),
    ).toEqual(
      own.map((row) =>
        Object.entries(row)
          .map(([k, v]) => [k, text(v)])
          .sort(),
      ),
    );
    expect(rows.map((row) => [row.command, row.exit_code, row.cwd])).toEqual([
      ['cd /usr/lib', '0', '/tmp'],
      ['(exit 7)', '7', '/usr/lib'],
      ['echo "Grüße"', '0', '/usr/lib'],
    ]);
    const pushed = requests[0]?.context.constraints.find(({ name }) => name === 'pid');
    expect(pushed?.list).toEqual([{ op: 2, expr: String(shell.pid) }]);
  });

  test('pushed constraints give the rows that SQLite alone would give', async () => {
    const stateDir = newStateDir();
    await start(stateDir);
    const shell = await ShellSession.open();
    for (let i = 0; i < 20; i++) await shell.run(`(exit ${i})`);
    await until(() => query(stateDir, mine(shell)).length === 20);
    const all = query(stateDir, `${mine(shell)} ORDER BY eid`);
    const last = all.at(-1)?.eid;
    const tenth = all[9];
    const conditions = [
      `eid > ${tenth?.eid}`,
      `eid <= ${tenth?.eid}`,
      `eid = ${tenth?.eid}`,
      `eid IN (${all[3]?.eid}, ${all[5]?.eid}, 1)`,
      `time >= ${tenth?.time}`,
      `time < ${tenth?.time}`,
      `time BETWEEN ${Number(tenth?.time) - 1} AND ${tenth?.time}`,
      `time_ns > 1.5e18`,
      `pid = ${shell.pid} AND exit_code = 7`,
      `pid = ${shell.pid + 1}`,
      `pid = ${shell.pid} OR exit_code = 3`,
      `uid = 0 AND tty = '${tenth?.tty}'`,
      `tty IN ('nope', '${tenth?.tty}')`,
      `shell = 'BASH' COLLATE NOCASE`,
      `shell LIKE 'ba%'`,
      'exit_code > 5 AND exit_code < 9',
      'expanded IS NULL',
      "command GLOB '*1?)'",
    ];
    const counted = conditions.map(
      (condition) => `SELECT count(*) AS n, sum(exit_code) AS s FROM shell_history_live
        WHERE (${condition}) AND eid <= ${last}`,
    );
    // One process for all of them: each takes a second on a loaded machine.
    const own = query(stateDir, counted.join(' UNION ALL '));
    for (const [i, condition] of conditions.entries()) {
      const [peers] = (await peer.sql(counted[i] ?? '')).rows;
      expect([condition, Number(peers?.n), Number(peers?.s ?? 0)]).toEqual([
        condition,
        own[i]?.n,
        own[i]?.s ?? 0,
      ]);
    }
    const { rows } = await peer.sql(
      `SELECT u.username, s.command FROM users u JOIN shell_history_live s ON s.uid = u.uid
       WHERE s.pid = ${shell.pid} ORDER BY s.eid`,
    );
    expect(rows.map((row) => [row.username, row.command])).toEqual(
      all.map((row) => ['root', row.command]),
    );
  });

  test('the status tables', async () => {
    await start(newStateDir());
    const probes = (
      await peer.sql("SELECT * FROM live_audit_probes WHERE target = '/usr/bin/bash'")
    ).rows;
    expect(probes.length).toBeGreaterThanOrEqual(6);
    expect(new Set(probes.map((row) => row.state))).toEqual(new Set(['attached']));
    expect(probes).toContainEqual(
      expect.objectContaining({ table_name: 'shell_history_live', target: '/usr/bin/bash' }),
    );
    const sql = "SELECT * FROM live_audit_rings WHERE table_name = 'shell_history_live'";
    expect((await peer.sql(sql)).rows).toMatchObject([
      { lost_reserve: '0', lost_kernel: '0', readers: '1' },
    ]);
  });

  test('beside a collector it serves that one’s rows, and takes over when it goes', async () => {
    const collector = await CollectorProcess.start(newStateDir());
    const extension = await start(collector.stateDir);
    const shell = await ShellSession.open();
    await shell.run('true first');
    await collector.rows(mine(shell), 1);
    const count = async () => (await peer.sql(mine(shell))).rows.length;
    expect(await count()).toBe(1);
    await collector.stop('SIGKILL');
    await until(() => query(collector.stateDir, 'SELECT 1 FROM live_audit_probes').length > 0);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    await shell.run('true second');
    await until(() => query(collector.stateDir, mine(shell)).length === 2);
    expect(await count()).toBe(2);
    extension.child.kill('SIGTERM');
    expect(await extension.exited).toBe(0);
  });

  test('flags of osqueryd that are not ours are named and ignored', async () => {
    const extension = await start(newStateDir(), '--verbose', '--no-such-flag=1', '--other');
    expect(extension.stderr).toContain('flag ignored: --no-such-flag=1');
    expect(extension.stderr).toContain('flag ignored: --other');
  });

  test('it leaves on shutdown with 0, and with 1 when the manager is gone', async () => {
    const stateDir = newStateDir();
    const first = await start(stateDir);
    const known = Object.entries(await peer.extensions());
    const uuid = Number(known.find(([, { name }]) => name === 'live_audit')?.[0]);
    await peer.shutdown(uuid);
    expect(await first.exited).toBe(0);
    const second = await start(stateDir);
    await peer.stop();
    expect(await second.exited).toBe(1);
    expect(existsSync(path.join(stateDir, 'probes.json'))).toBe(false);
  });
});
