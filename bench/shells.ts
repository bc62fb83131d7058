/**
 * Shells under capture, against their requirements: what a person at a prompt waits for, and many shells at once.
 * As root: `node bench/shells.ts [prompt] [many]`. Exit code 1 where a requirement is missed.
 */
import { manyShells } from './lib/many-shells.ts';
import { promptLatency } from './lib/prompt-latency.ts';
import { type Parts, reportParts } from './lib/report.ts';

const PARTS: Parts = {
  prompt: promptLatency,
  many: manyShells,
};

if (process.geteuid?.() !== 0) throw new Error('the benchmark needs root: it loads BPF programs');
await reportParts(PARTS, process.argv.length > 2 ? process.argv.slice(2) : Object.keys(PARTS));
