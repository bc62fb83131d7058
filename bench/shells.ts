/**
 * Shells under capture, against their requirements: what a person at a prompt waits for, and many shells at once.
 * As root: `node bench/shells.ts [prompt] [many]`. Exit code 1 where a requirement is missed.
 */
import os from 'node:os';
import { manyShells } from './lib/many-shells.ts';
import { promptLatency } from './lib/prompt-latency.ts';
import { type Finding, isMissed, table } from './lib/report.ts';

const PARTS: Readonly<Record<string, () => Promise<Finding[]>>> = {
  prompt: promptLatency,
  many: manyShells,
};

if (process.geteuid?.() !== 0) throw new Error('the benchmark needs root: it loads BPF programs');
const findings: Finding[] = [];
for (const name of process.argv.length > 2 ? process.argv.slice(2) : Object.keys(PARTS)) {
  const part = PARTS[name];
  if (!part) throw new Error(`no part ${name}: ${Object.keys(PARTS).join(', ')}`);
  process.stderr.write(`==> ${name}\n`);
  findings.push(...(await part()));
}
const cpus = os.cpus();
process.stdout.write(
  `\n${cpus.length} × ${cpus[0]?.model}, Linux ${os.release()}, Node ${process.version}\n\n`,
);
process.stdout.write(table(findings));
process.exitCode = findings.some(isMissed) ? 1 : 0;
