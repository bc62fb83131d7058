/** A real collector's metrics: the file and the port say what the ledger says. */
import fs from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { CollectorProcess, until } from './collector-process.ts';
import { describeLive } from './requires.ts';
import { closeShells, ShellSession } from './shell-session.ts';

const freePort = () =>
  new Promise<number>((resolve) => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as net.AddressInfo;
      server.close(() => resolve(port));
    });
  });

/** Of a table's counter, NaN where it is not there. */
const sample = (text: string, name: string): number =>
  Number(
    new RegExp(`^live_audit_${name}\\{table="shell_history_live"\\} (\\d+)$`, 'm').exec(
      text,
    )?.[1] ?? Number.NaN,
  );

describeLive('metrics of a collector', () => {
  const directory = fs.mkdtempSync(path.join(tmpdir(), 'la-metrics-'));
  let collector: CollectorProcess | undefined;
  afterEach(async () => {
    closeShells();
    await collector?.end();
    fs.rmSync(directory, { recursive: true });
  });

  test('the file and the port say what the ledger says, and go on with it', async () => {
    const file = path.join(directory, 'live_audit.prom');
    const config = path.join(directory, 'config.json');
    const port = await freePort();
    fs.writeFileSync(config, JSON.stringify({ metrics: { file, port, interval: 1 } }));
    const state = path.join(directory, 'state');
    collector = await CollectorProcess.start(state, ['env', `LIVE_AUDIT_CONFIG=${config}`]);
    const shell = await ShellSession.open();
    await shell.run('true metrics');
    const sql = `SELECT * FROM shell_history_live WHERE pid = ${shell.pid}`;
    expect(await collector.rows(sql, 1)).toHaveLength(1);

    const stored = () =>
      Number(
        collector?.query(
          "SELECT events_stored FROM live_audit_rings WHERE table_name = 'shell_history_live'",
        )[0]?.events_stored,
      );
    const before = stored();
    const response = await fetch(`http://127.0.0.1:${port}/metrics`);
    const text = await response.text();
    expect(response.status).toBe(200);
    // Other shells of the machine type too.
    expect(sample(text, 'events_stored_total')).toBeGreaterThanOrEqual(before);
    expect(sample(text, 'events_stored_total')).toBeLessThanOrEqual(stored());
    await until(() => sample(fs.readFileSync(file, 'utf8'), 'events_stored_total') >= before);
    expect(text).toMatch(
      /^live_audit_probes\{table="shell_history_live",state="attached"\} [1-9]/m,
    );

    // A config without metrics: the port is closed, the file stays as it was.
    fs.writeFileSync(config, '{}');
    await until(() => collector?.stderr.includes('metrics changed') === true);
    await expect(fetch(`http://127.0.0.1:${port}/metrics`)).rejects.toThrow();
  });
});
