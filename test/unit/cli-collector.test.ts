/** What may go wrong around a collector: a second one, a ring that was damaged, no right to use BPF. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CollectorProcess, run } from '../live/collector-process.ts';
import { describeLive, EXECUTABLE } from '../live/requires.ts';

const base = mkdtempSync(join(tmpdir(), 'collector-'));
afterAll(() => rmSync(base, { recursive: true }));

const TABLE = 'shell_history_live';
const RING = `${TABLE}.ring`;
const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '');

describeLive('a collector', () => {
  let collector: CollectorProcess | undefined;
  afterEach(async () => {
    await collector?.end();
    collector = undefined;
  });

  test('a second one is refused in one line; the first goes on', async () => {
    const stateDir = join(base, 'two');
    collector = await CollectorProcess.start(stateDir);
    const second = run(['collect', '--state-dir', stateDir]);
    expect(second.status).toBe(1);
    expect(lines(second.stderr)).toEqual([
      expect.stringMatching(
        `two: process ${collector.child.pid} collects \\[COLLECTOR_RUNS\\]: nothing to do`,
      ),
    ]);
    expect(collector.query('SELECT count(*) AS n FROM live_audit_probes')[0]?.n).toBeGreaterThan(0);
    expect(await collector.stop()).toBe(0);
    expect(lines(collector.stderr)).toEqual([`live_audit: collecting in ${stateDir}`]);
  });

  test('a damaged ring is set aside, with a line that says so, and collecting begins anew', async () => {
    const stateDir = join(base, 'damaged');
    collector = await CollectorProcess.start(stateDir);
    await collector.stop();
    const ring = join(stateDir, RING);
    const garbage = Buffer.alloc(readFileSync(ring).length, 0xa5);
    writeFileSync(ring, garbage);

    collector = await CollectorProcess.start(stateDir);
    expect(lines(collector.stderr)).toEqual([
      expect.stringMatching(/shell_history_live: set aside as .*\.corrupt.*: /),
      'live_audit: shell_history_live: pins are replaced: of another ring file',
      `live_audit: collecting in ${stateDir}`,
    ]);
    const aside = readdirSync(stateDir).find((name) => name.includes('.corrupt'));
    expect(readFileSync(join(stateDir, aside ?? '')).equals(garbage)).toBe(true);
    expect(
      collector.query(`SELECT 1 FROM live_audit_rings WHERE table_name = '${TABLE}'`),
    ).toHaveLength(1);
    expect(await collector.stop()).toBe(0);
  });

  test('without the right to use BPF: exit code 1, and one line for each that says what is missing', () => {
    const stateDir = join(base, 'denied');
    const { status, stdout, stderr } = spawnSync(
      'setpriv',
      ['--bounding-set=-all', '--inh-caps=-all', EXECUTABLE, 'collect', '--state-dir', stateDir],
      { encoding: 'utf8', env: { PATH: process.env.PATH } },
    );
    const said = lines(stderr);
    expect(said[0]).toMatch(
      /^live_audit: shell_history_live: no capture: .*\[BPF_DENIED\]: run as root/,
    );
    expect(said.at(-1)).toMatch(/: no capture: audit: .*\[AUDIT_DENIED\]: run as root/);
    for (const line of said) expect(line).toMatch(/: no capture: /);
    expect([status, stdout]).toEqual([1, '']);
    expect(
      run(['query', '--json', '--state-dir', stateDir, 'SELECT * FROM shell_history_live']),
    ).toEqual({
      status: 0,
      stdout: '[]\n',
      stderr: '',
    });
  });
});
