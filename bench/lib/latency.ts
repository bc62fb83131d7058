/** From the end of a command to its row: in the ring file, and in the answer of the extension. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Operator } from '../../extension/sdk/context.ts';
import type { Question } from '../../extension/sdk/testing/extension-client.ts';
import { bootTime, bootToUnix } from '../../native/clock.ts';
import { RingReader } from '../../tables/ring/reader.ts';
import { spec } from '../../tables/shell_history_live/spec.ts';
import type { Finding } from './report.ts';
import { Shell } from './shell.ts';
import { median, quantile } from './stats.ts';
import { type Mode, World } from './world.ts';

const ROUNDS = 5;
/** Of each kind in each way in each round: 200 samples over the rounds. */
const COMMANDS = 40;
/** Between commands, so that they meet the collector asleep, awake and in its pause of 10 ms. */
const PAUSE_MS = { min: 5, max: 50 };
const BAR_MS = 30;
const DEADLINE_NS = 2_000_000_000n;

/** A builtin ends within the collector's pause after its start; a program of 30 ms ends after it. */
const KINDS = { ':': 'builtin', 'sleep 0.03': 'program of 30 ms' } as const;

const column = (name: string): number => spec.columns.findIndex((c) => c.name === name);
const PID = column('pid');
const TIME_NS = column('time_ns');
const DURATION = column('duration');

/** Unix time, ns, on the clocks by which the collector stamps rows. */
const now = (): bigint => bootTime() + bootToUnix();

/** @returns ms from the end of the shell's next command until its row is seen */
type Watch = (shell: Shell, line: string) => Promise<number>;

function ringWatch(reader: RingReader): Watch {
  return async (shell, line) => {
    const from = (reader.lastEid() ?? 0) + 1;
    const begin = now();
    shell.enter(line);
    // Without a turn of the event loop: nothing of ours comes between the row and its sight.
    for (let seen = from - 1; now() - begin < DEADLINE_NS; ) {
      const last = reader.lastEid() ?? 0;
      if (last === seen) continue;
      seen = last;
      const at = now();
      for (const record of reader.range({ fromEid: from }))
        if (record.value(PID) === shell.pid)
          return ms(at, BigInt(record.value(TIME_NS) ?? 0), BigInt(record.value(DURATION) ?? 0));
    }
    throw new Error(`no row of '${line}'`);
  };
}

function extensionWatch(world: World, reader: RingReader): Watch {
  return async (shell, line) => {
    const question = fromEid((reader.lastEid() ?? 0) + 1);
    const begin = now();
    shell.enter(line);
    while (now() - begin < DEADLINE_NS) {
      const rows = await world.manager.client.generate(spec.name, question);
      const at = now();
      const row = rows.find(({ pid }) => pid === String(shell.pid));
      if (row) return ms(at, BigInt(row.time_ns ?? 0), BigInt(row.duration ?? 0));
      await sleep(1);
    }
    throw new Error(`no row of '${line}' from the extension`);
  };
}

const ms = (seen: bigint, began: bigint, duration: bigint): number =>
  Number(seen - began - duration) / 1e6;

/** `SELECT eid, time_ns, duration, pid … WHERE eid >= ?`, as the core asks it. */
const fromEid = (eid: number): Question => ({
  columns: ['eid', 'time_ns', 'duration', 'pid'],
  constraints: [{ column: 'eid', op: Operator.GREATER_OR_EQUAL, expr: String(eid) }],
});

export async function latency(mode: Mode): Promise<Finding[]> {
  const world = await World.start(mode);
  const reader = new RingReader({ directory: world.stateDir, spec });
  const shell = await Shell.open();
  try {
    const ways = {
      'in-process reader of the ring': ringWatch(reader),
      'generate call to the extension': extensionWatch(world, reader),
    };
    const samples = new Map<string, number[][]>();
    for (let round = 0; round < ROUNDS; round++) {
      for (const [way, watch] of Object.entries(ways))
        for (const [line, kind] of Object.entries(KINDS)) {
          const what = `event to SQL, p50: ${mode}, ${kind}, ${way}`;
          const found: number[] = [];
          for (let i = 0; i < COMMANDS; i++) {
            await sleep(PAUSE_MS.min + Math.random() * (PAUSE_MS.max - PAUSE_MS.min));
            found.push(await watch(shell, line));
            await shell.prompt();
          }
          samples.set(what, [...(samples.get(what) ?? []), found]);
        }
    }
    return [...samples].map(([what, rounds]) => ({
      what,
      rounds: rounds.map(median),
      unit: 'ms',
      digits: 2,
      bar: BAR_MS,
      note: spread(rounds.flat()),
    }));
  } finally {
    await shell.close();
    reader.close();
    await world.stop();
  }
}

function spread(all: readonly number[]): string {
  const show = (q: number) => quantile(all, q).toFixed(1);
  return `${all.length} commands: p99 ${show(0.99)} ms, slowest ${show(1)} ms`;
}
