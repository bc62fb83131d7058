/**
 * The way from a typed command to SQL, measured against its requirements: latency, start, memory, idle CPU,
 * and what capture costs a shell. `npm run bench`, as root; or some of it:
 * `node bench/first-way.ts latency start memory idle cost`. Exit code 1 where a requirement is missed.
 */
import { globSync, readFileSync } from 'node:fs';
import { idleCpu } from './lib/idle.ts';
import { latency } from './lib/latency.ts';
import { residentMemory } from './lib/memory.ts';
import { type Parts, reportParts } from './lib/report.ts';
import { shellCost } from './lib/shell-cost.ts';
import { start } from './lib/start.ts';

const PARTS: Parts = {
  latency: async () => [...(await latency('daemon')), ...(await latency('alone'))],
  start,
  memory: async () => [...(await residentMemory('daemon')), ...(await residentMemory('alone'))],
  idle: idleCpu,
  cost: shellCost,
};

const say = (line: string) => process.stderr.write(`==> ${line}\n`);
const load = () => readFileSync('/proc/loadavg', 'utf8').split(' ')[0];

/** Another collector captures from the same shells: its cost is in ours, and in what is "without capture". */
function others(): number {
  const commands = globSync('/proc/[0-9]*/cmdline').map((path) => {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      return ''; // has ended
    }
  });
  return commands.filter((command) => /live_audit\.(cjs|ext)\0/.test(command)).length;
}

if (process.geteuid?.() !== 0) throw new Error('the benchmark needs root: it loads BPF programs');
const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(PARTS);
await reportParts(PARTS, names, (name) =>
  say(`${name} (load average ${load()}; other processes of live_audit: ${others()})`),
);
