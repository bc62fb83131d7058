/** From Enter to the next prompt, as a person sees it, with and without capture. */
import { LoadWorld } from './load-world.ts';
import type { Finding } from './report.ts';
import { Shell } from './shell.ts';
import { median } from './stats.ts';

const ROUNDS = 9;
const COMMANDS = 200;
/** A builtin, which takes next to no time, and a program. */
const LINES = [':', '/bin/true'] as const;

export async function promptLatency(): Promise<Finding[]> {
  const shell = await Shell.open();
  try {
    const findings: Finding[] = [];
    for (const line of LINES) findings.push(...(await latencyOf(shell, line)));
    return findings;
  } finally {
    await shell.close();
  }
}

async function latencyOf(shell: Shell, line: string): Promise<Finding[]> {
  const free: number[] = [];
  const captured: number[] = [];
  await measure(shell, line); // the history list and the allocator find their size
  for (let round = 0; round < ROUNDS; round++) {
    // The order changes, so that a drift of the machine falls on both.
    for (const capture of round % 2 === 0 ? [false, true] : [true, false]) {
      const world = capture ? await LoadWorld.open() : null;
      (capture ? captured : free).push(await measure(shell, line));
      await world?.close();
    }
  }
  const added = captured.map((value, i) => value - (free[i] ?? Number.NaN));
  // What cannot be told from one round to the next without capture is not measurable.
  const spread = Math.round(Math.max(...free) - Math.min(...free));
  const us = { unit: 'µs', digits: 0 };
  const what = `Enter to prompt, \`${line}\``;
  return [
    { what: `${what}, without capture`, rounds: free, ...us },
    { what: `${what}, with capture`, rounds: captured, ...us },
    {
      what: `${what}: what capture adds; required: the spread without it`,
      ...{ rounds: added, bar: spread, ...us },
    },
  ];
}

/** @returns median of many, µs */
async function measure(shell: Shell, line: string): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < COMMANDS; i++) {
    const begin = performance.now();
    await shell.run(line);
    times.push((performance.now() - begin) * 1000);
  }
  return median(times);
}
