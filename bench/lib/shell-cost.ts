/** What capture costs the shells themselves. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { readProbeStates } from '../../tables/collector/probe-state.ts';
import type { Finding } from './report.ts';
import { Shell } from './shell.ts';
import { median } from './stats.ts';
import { cpuTime } from './usage.ts';
import { World } from './world.ts';

const ROUNDS = 9;
const COMMANDS = 200;
const ITERATIONS = 200_000;
/** Of each round the fastest counts: what disturbs a loop only makes it slower. */
const LOOPS = 5;
/** More than this the loop's CPU may not differ: what a machine that others use lets us tell. */
const LOOP_BAR_PERCENT = 2;
/** A probe within the loop would be hit 200,000 times; some hits may come from other shells of the machine. */
const HITS_BAR = 100;
/** The collector publishes the hits of its probes each second. */
const PUBLISH_MS = 1500;

interface Round {
  /** Wall and CPU time of one typed command, µs. */
  readonly wall: number;
  readonly cpu: number;
  /** CPU time of the loop, ms. */
  readonly loop: number;
  /** Hits of all probes during the loops, for one loop; 0 without capture. */
  readonly hits: number;
}

export async function shellCost(): Promise<Finding[]> {
  const shell = await Shell.open();
  const free: Round[] = [];
  const captured: Round[] = [];
  try {
    await typed(shell); // the history list and the allocator find their size
    for (let round = 0; round < ROUNDS; round++) {
      // The order changes, so that a drift of the machine falls on both.
      for (const capture of round % 2 === 0 ? [false, true] : [true, false])
        (capture ? captured : free).push(await measure(shell, capture));
    }
  } finally {
    await shell.close();
  }
  const of = (rounds: Round[], part: keyof Round) => rounds.map((round) => round[part]);
  const added = (part: keyof Round) => captured.map((c, i) => c[part] - (free[i]?.[part] ?? 0));
  const loops = captured.map(({ loop }, i) => 100 * (loop / (free[i]?.loop ?? Number.NaN) - 1));
  const us = { unit: 'µs', digits: 1 };
  const show = (rounds: Round[], part: keyof Round) => median(of(rounds, part)).toFixed(0);
  return [
    { what: 'typed `:`, wall time, without capture', rounds: of(free, 'wall'), ...us },
    { what: 'typed `:`, wall time, with capture', rounds: of(captured, 'wall'), ...us },
    { what: 'typed `:`, CPU of the shell, without capture', rounds: of(free, 'cpu'), ...us },
    { what: 'typed `:`, CPU of the shell, with capture', rounds: of(captured, 'cpu'), ...us },
    { what: 'typed `:`, CPU that capture adds', rounds: added('cpu'), ...us },
    {
      what: 'CPU that capture adds to a loop of 200,000 iterations',
      rounds: loops,
      unit: '%',
      digits: 2,
      bar: LOOP_BAR_PERCENT,
      note: `without ${show(free, 'loop')} ms, with ${show(captured, 'loop')} ms`,
    },
    {
      what: 'probe hits in a loop of 200,000 iterations',
      rounds: of(captured, 'hits'),
      unit: 'hits',
      digits: 1,
      bar: HITS_BAR,
    },
  ];
}

async function measure(shell: Shell, capture: boolean): Promise<Round> {
  const world = capture ? await World.start('daemon') : null;
  try {
    const costs = await typed(shell);
    const before = world && (await hits(world));
    const loops: number[] = [];
    for (let i = 0; i < LOOPS; i++) loops.push(await loop());
    const during = world && before !== null ? (await hits(world)) - before : 0;
    return { ...costs, loop: Math.min(...loops), hits: during / LOOPS };
  } finally {
    await world?.stop();
  }
}

/** Of all probes so far. */
async function hits(world: World): Promise<number> {
  await sleep(PUBLISH_MS);
  return readProbeStates(world.stateDir).reduce((sum, { hits }) => sum + Number(hits), 0);
}

let marks = 0;

async function typed(shell: Shell): Promise<Pick<Round, 'wall' | 'cpu'>> {
  const mark = `end-${marks++}`;
  const lines = [...Array<string>(COMMANDS).fill(':'), `echo ${mark}`];
  const cpu = cpuTime(shell.pid);
  const begin = performance.now();
  await shell.paste(lines, mark);
  const wall = performance.now() - begin;
  return {
    wall: (wall * 1000) / COMMANDS,
    cpu: Number(cpuTime(shell.pid) - cpu) / 1000 / COMMANDS,
  };
}

/** The script waits before and after its loop, so that its CPU clock can be read. */
const SCRIPT = `echo ready; read; for ((i = 0; i < ${ITERATIONS}; i++)); do :; done; echo ready; read`;

/** @returns CPU of the loop, ms */
async function loop(): Promise<number> {
  const child = spawn('bash', ['--norc', '--noprofile', '-c', SCRIPT], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { PATH: process.env.PATH }, // no BASH_ENV: startup files are lines that probes see
  });
  const exited = once(child, 'exit');
  const before = await atReady(child);
  child.stdin.write('\n');
  const after = await atReady(child);
  child.stdin.end('\n');
  await exited;
  return Number(after - before) / 1e6;
}

async function atReady(child: ChildProcessByStdio<Writable, Readable, null>): Promise<bigint> {
  await once(child.stdout, 'data');
  return cpuTime(child.pid ?? 0);
}
