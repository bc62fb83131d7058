/** What is required under load, one function each. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ledger } from '../../tables/ring/layout.ts';
import { FakeShell } from './fake-shell.ts';
import { LoadWorld } from './load-world.ts';
import type { Finding } from './report.ts';
import { median } from './stats.ts';
import { cpuTime, memory } from './usage.ts';

const KILL_RATE = 1000;
/** A collector starts in about 200 ms: some are killed before they collect. */
const KILL_AFTER_MS = { min: 20, max: 600 };
const SOAK_RATE = 1000;
const SOAK_SAMPLE_MS = 5000;
const WARM_UP_MS = 60_000;
const LOOK_MS = 200;
const SETTLE_MS = 2000;
const CPU_BAR_PERCENT = 25;
const GROWTH_BAR_MB = 20;

export const lost = (ledger: Ledger): number =>
  Object.entries(ledger).reduce((sum, [name, n]) => sum + (name.startsWith('lost_') ? n : 0), 0);

/** kill -9, and again, while commands are typed. */
export async function kills(count: number): Promise<Finding[]> {
  const world = await LoadWorld.open();
  const shell = new FakeShell(KILL_RATE, (count * (KILL_AFTER_MS.max + 50)) / 1000);
  let next = 0;
  let missing = 0;
  let again = 0;
  let broken = 0;
  const look = () => {
    for (const number of world.newNumbers(shell.pid)) {
      if (Number.isNaN(number)) broken++;
      else if (number < next) again++;
      else {
        missing += number - next;
        next = number + 1;
      }
    }
  };
  try {
    await shell.attached(world.stateDir);
    shell.type();
    for (let i = 0; i < count; i++) {
      const { min, max } = KILL_AFTER_MS;
      await sleep(min + Math.random() * (max - min));
      await world.kill('SIGKILL');
      look();
      world.start();
    }
    let over = false;
    const finished = shell.finished().finally(() => {
      over = true;
    });
    while (!over) {
      await Promise.race([sleep(LOOK_MS), finished]);
      look();
    }
    const { commands } = await finished;
    await sleep(SETTLE_MS);
    look();
    if (world.skipped > 0) throw new Error(`${world.skipped} rows were overwritten unseen`);
    missing += commands - next;
    const ledger = world.ledger();
    // Commands that other shells of the machine are running now have been seen and cannot be stored yet.
    const open = ledger.events_seen - ledger.events_stored - lost(ledger);
    const what = `of ${commands} commands at ${KILL_RATE}/s, ${count} kills -9`;
    const none = { unit: '', digits: 0, bar: 0 };
    return [
      { what: `missing ${what}`, rounds: [missing], ...none },
      { what: `twice ${what}`, rounds: [again], ...none },
      { what: `not whole ${what}`, rounds: [broken], ...none },
      {
        what: `lost by the ledger, ${count} kills -9`,
        rounds: [lost(ledger)],
        ...none,
        note: `seen and not over, other shells' too: ${open}`,
      },
    ];
  } finally {
    await shell.close();
    await world.close();
  }
}

interface RateRound {
  readonly rate: number;
  readonly percent: number;
  readonly secondsPerMillion: number;
  readonly lost: number;
  readonly missing: number;
}

/** Commands of 200 bytes at a rate, through the whole path. */
export async function rate(perSecond: number, seconds: number, rounds: number): Promise<Finding[]> {
  const seen: RateRound[] = [];
  for (let i = 0; i < rounds; i++) seen.push(await rateRound(perSecond, seconds));
  const of = (part: keyof RateRound) => seen.map((round) => round[part]);
  const what = `${perSecond} commands/s of 200 bytes for ${seconds} s`;
  return [
    {
      what: `${what}: short of the rate`,
      rounds: of('rate').map((r) => 100 * (1 - r / perSecond)),
      unit: '%',
      digits: 2,
      bar: 1,
    },
    { what: `${what}: lost`, rounds: of('lost'), unit: '', digits: 0, bar: 0 },
    { what: `${what}: missing or not whole`, rounds: of('missing'), unit: '', digits: 0, bar: 0 },
    {
      what: `${what}: CPU of the collector`,
      rounds: of('percent'),
      unit: '%',
      digits: 1,
      bar: CPU_BAR_PERCENT,
      note: `${median(of('secondsPerMillion')).toFixed(2)} s for 1,000,000 commands`,
    },
  ];
}

async function rateRound(perSecond: number, seconds: number): Promise<RateRound> {
  const world = await LoadWorld.open();
  const shell = new FakeShell(perSecond, seconds);
  try {
    await shell.attached(world.stateDir);
    const before = world.ledger();
    const begin = { cpu: cpuTime(world.pid), at: performance.now() };
    shell.type();
    const typed = await shell.finished();
    const cpu = Number(cpuTime(world.pid) - begin.cpu) / 1e6;
    const ms = performance.now() - begin.at;
    await sleep(SETTLE_MS);
    const after = world.ledger();
    const stored = after.events_stored - before.events_stored;
    // The ring holds the last ones: each must follow the one before it, up to the very last.
    const numbers = world.newNumbers(shell.pid);
    const first = typed.commands - numbers.length;
    const wrong = numbers.filter((number, i) => number !== first + i).length;
    return {
      rate: typed.commands / typed.seconds,
      percent: (cpu / ms) * 100,
      secondsPerMillion: (cpu * 1000) / typed.commands,
      lost: lost(after) - lost(before),
      missing: Math.max(typed.commands - stored, 0) + wrong,
    };
  } finally {
    await shell.close();
    await world.close();
  }
}

/** Whether memory grows. */
export async function soak(minutes: number): Promise<Finding[]> {
  const world = await LoadWorld.open();
  const shell = new FakeShell(SOAK_RATE, minutes * 60);
  const samples: { at: number; mb: number }[] = [];
  let over = false;
  try {
    await shell.attached(world.stateDir);
    const begin = performance.now();
    shell.type();
    const finished = shell.finished().then((typed) => {
      over = true;
      return typed;
    });
    while (!over) {
      const { files, anonymous } = memory(world.pid);
      samples.push({ at: performance.now() - begin, mb: (files + anonymous) / 1e6 });
      await Promise.race([sleep(SOAK_SAMPLE_MS), finished]);
    }
    const { commands } = await finished;
    const warmUp = Math.min(WARM_UP_MS, minutes * 20_000);
    const warm = samples.filter(({ at }) => at >= warmUp).map(({ mb }) => mb);
    const part = Math.max(Math.ceil(warm.length / 10), 1);
    const [first, last] = [median(warm.slice(0, part)), median(warm.slice(-part))];
    const range = `${Math.min(...warm).toFixed(1)} – ${Math.max(...warm).toFixed(1)} MB`;
    return [
      {
        what: `RSS of the collector, growth in ${minutes} minutes at ${SOAK_RATE}/s, besides the rings`,
        rounds: [last - first],
        unit: 'MB',
        digits: 1,
        bar: GROWTH_BAR_MB,
        note: `${commands} commands; after a warm-up of ${warmUp / 1000} s from ${first.toFixed(1)} to ${last.toFixed(1)} MB (${range})`,
      },
    ];
  } finally {
    await shell.close();
    await world.close();
  }
}
