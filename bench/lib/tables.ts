/** What one more table costs that nobody uses: collectors with one table and with all, side by side. */
import { setTimeout as sleep } from 'node:timers/promises';
import { TABLES } from '../../extension/cli/config/schema.ts';
import type { Finding } from './report.ts';
import { TablesCollector } from './tables-collector.ts';
import { cpuTime, memory } from './usage.ts';

const START_MS = 10_000;
const SETTLE_MS = 3000;
const ROUNDS = 5;
const ROUND_MS = 20_000;
/** Of one core, for one more table: what counts as nothing. */
const CPU_BAR_PERCENT = 0.05;

async function collecting(collector: TablesCollector): Promise<void> {
  const deadline = performance.now() + START_MS;
  while (collector.states() === '') {
    if (performance.now() > deadline) throw new Error('the collector does not start');
    await sleep(10);
  }
}

export async function idleTables(): Promise<Finding[]> {
  const one = new TablesCollector(TABLES.slice(0, 1));
  const all = new TablesCollector(TABLES);
  const collectors = [one, all];
  const more = TABLES.length - 1;
  try {
    for (const collector of collectors) await collecting(collector);
    await sleep(SETTLE_MS);
    const percents: number[] = [];
    const rss = (pid: number): number => {
      const { files, anonymous } = memory(pid);
      return (files + anonymous) / 1e6;
    };
    const megabytes: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const begin = performance.now();
      const before = collectors.map(({ pid }) => cpuTime(pid));
      await sleep(ROUND_MS);
      const ms = performance.now() - begin;
      const [few = 0, many = 0] = collectors.map(
        ({ pid }, i) => (Number(cpuTime(pid) - (before[i] ?? 0n)) / 1e6 / ms) * 100,
      );
      percents.push((many - few) / more);
      megabytes.push((rss(all.pid) - rss(one.pid)) / more);
    }
    const note = `${TABLES.length} tables against 1`;
    return [
      {
        what: 'one more idle table: CPU of the collector',
        rounds: percents,
        unit: '%',
        digits: 4,
        bar: CPU_BAR_PERCENT,
        note,
      },
      { what: 'one more idle table: RSS', rounds: megabytes, unit: 'MB', digits: 2, note },
    ];
  } finally {
    for (const collector of collectors) await collector.close();
  }
}
