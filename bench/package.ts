/**
 * The release as a host gets it: sizes, start-up, and from `dpkg -i` to the first row, on a machine with systemd as
 * the tests boot it. Needs root and what `npm run package -- --arch x64` makes.
 */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { OUT } from '../scripts/package/target.ts';
import { Machine } from '../test/package/machine.ts';

const STARTS = 30;
const MAX_BYTES = 45_000_000;
const MAX_START_MS = 300;
const MAX_FIRST_ROW_MS = 10_000;
const SERVICE = 'live-audit.service';

const bars: boolean[] = [];
function bar(what: string, value: number, unit: string, most: number): void {
  const reached = value <= most;
  bars.push(reached);
  console.log(
    `${what}: ${value.toFixed(1)} ${unit} (bar ${most}, ${reached ? 'reached' : 'MISSED'})`,
  );
}

const packages = fs.readdirSync(OUT).filter((file) => /\.(deb|rpm)$/.test(file));
for (const file of packages)
  bar(file, fs.statSync(path.join(OUT, file)).size / 1e6, 'MB', MAX_BYTES / 1e6);

const executable = path.join(OUT, process.arch, 'live_audit.ext');
const times = Array.from({ length: STARTS }, () => {
  const began = performance.now();
  spawnSync(executable, ['version']);
  return performance.now() - began;
}).sort((a, b) => a - b);
const at = (part: number): number => times[Math.floor(part * (times.length - 1))] ?? 0;
console.log(`start-up, ${STARTS} times: ${at(0).toFixed(0)} to ${at(1).toFixed(0)} ms`);
bar('start-up, median', at(0.5), 'ms', MAX_START_MS);

const deb = packages.find((file) => file.endsWith('amd64.deb'));
if (deb === undefined) throw new Error('no .deb: npm run package -- --arch x64');
const machine = await Machine.boot();
try {
  machine.copy(path.join(OUT, deb), '/run/live-audit.deb');
  const began = performance.now();
  machine.ok('dpkg', '-i', '/run/live-audit.deb');
  console.log(`dpkg -i: ${((performance.now() - began) / 1000).toFixed(1)} s`);
  // A person types until something comes.
  const typed = 'printf "echo typed\\nexit\\n" | script -qc "bash --norc" /dev/null';
  const rows = "SELECT count(*) AS n FROM shell_history_live WHERE command = 'echo typed'";
  do machine.ok('sh', '-c', typed);
  while (!/[1-9]/.test(machine.ok('live-audit', 'query', '--csv', rows)));
  bar('dpkg -i to the first row', (performance.now() - began) / 1000, 's', MAX_FIRST_ROW_MS / 1000);
} finally {
  machine.run('systemctl', 'stop', SERVICE);
  machine.run('live-audit', 'collect', '--release');
  await machine.halt();
}
process.exitCode = bars.every(Boolean) ? 0 : 1;
