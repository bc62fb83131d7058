/** CPU of programs that have nothing to do, with a core that pings every 3 s. */
import { setTimeout as sleep } from 'node:timers/promises';
import { RingReader } from '../../tables/ring/reader.ts';
import { spec } from '../../tables/shell_history_live/spec.ts';
import type { Finding } from './report.ts';
import { cpuTicks, cpuTime } from './usage.ts';
import { World } from './world.ts';

const ROUNDS = 5;
const ROUND_MS = 30_000;
const SETTLE_MS = 3000;
const BAR_PERCENT = 0.5;

export async function idleCpu(): Promise<Finding[]> {
  const worlds = [await World.start('daemon'), await World.start('alone')];
  const programs = worlds.flatMap(({ stateDir, programs }) =>
    programs.map((program) => ({ ...program, stateDir, percents: [] as number[], events: 0 })),
  );
  try {
    await sleep(SETTLE_MS);
    const ticks = programs.map(({ pid }) => cpuTicks(pid));
    const events = programs.map(({ stateDir }) => stored(stateDir));
    const begin = performance.now();
    for (let round = 0; round < ROUNDS; round++) {
      const before = programs.map(({ pid }) => ({ cpu: cpuTime(pid), at: performance.now() }));
      await sleep(ROUND_MS);
      for (const [i, { pid, percents }] of programs.entries()) {
        const { cpu = 0n, at = 0 } = before[i] ?? {};
        percents.push((Number(cpuTime(pid) - cpu) / 1e6 / (performance.now() - at)) * 100);
      }
    }
    const seconds = (performance.now() - begin) / 1000;
    return programs.map(({ role, pid, percents, stateDir }, i) => {
      const byTicks = ((cpuTicks(pid) - (ticks[i] ?? 0)) / seconds) * 100;
      const others = stored(stateDir) - (events[i] ?? 0);
      return {
        what: `idle CPU: ${role}`,
        rounds: percents,
        unit: '%',
        digits: 3,
        bar: BAR_PERCENT,
        note: `by /proc/PID/stat over all rounds ${byTicks.toFixed(2)} %; commands of others meanwhile: ${others}`,
      };
    });
  } finally {
    for (const world of worlds) await world.stop();
  }
}

function stored(directory: string): number {
  const reader = new RingReader({ directory, spec });
  try {
    return reader.ledger().events_stored;
  } finally {
    reader.close();
  }
}
