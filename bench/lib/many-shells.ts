/** Many people at once: real shells on pseudo-terminals, each with some commands a second. */
import { setTimeout as sleep } from 'node:timers/promises';
import { lost } from './load-parts.ts';
import { LoadWorld } from './load-world.ts';
import type { Finding } from './report.ts';
import { Shell } from './shell.ts';
import { cpuTime } from './usage.ts';

const SHELLS = 200;
const RATE = 20;
const SECONDS = 10;
const ROUNDS = 3;
const TICK_MS = 1000 / RATE;

export async function manyShells(): Promise<Finding[]> {
  const missing: number[] = [];
  const lost: number[] = [];
  const typedRate: number[] = [];
  const cpu: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const seen = await oneRound();
    missing.push(seen.missing);
    lost.push(seen.lost);
    typedRate.push(seen.rate);
    cpu.push(seen.cpu);
  }
  const load = `${SHELLS} shells × ${RATE} commands/s for ${SECONDS} s`;
  const total = SHELLS * RATE * SECONDS;
  return [
    { what: `${load}: missing of ${total}`, rounds: missing, unit: '', digits: 0, bar: 0 },
    { what: `${load}: lost by the ledger`, rounds: lost, unit: '', digits: 0, bar: 0 },
    { what: `${load}: rate that was typed`, rounds: typedRate, unit: '/s', digits: 0 },
    { what: `${load}: CPU of the collector`, rounds: cpu, unit: '% of a core', digits: 1 },
  ];
}

async function oneRound() {
  const shells: Shell[] = [];
  const world = await LoadWorld.open();
  try {
    for (let i = 0; i < SHELLS; i++) shells.push(await Shell.open());
    const cpuBefore = cpuTime(world.pid);
    const begin = performance.now();
    const total = RATE * SECONDS;
    const rows = new Set<string>();
    const look = () => {
      for (const { pid, command } of world.newCommands()) rows.add(`${pid} ${command}`);
    };
    for (let n = 0; n < total; n++) {
      for (const shell of shells) shell.enter(`: command ${n}`);
      if (n % RATE === 0) look(); // the ring does not hold them all
      await sleep(Math.max(0, begin + (n + 1) * TICK_MS - performance.now()));
    }
    for (const shell of shells) await shell.run(':');
    const seconds = (performance.now() - begin) / 1000;
    const cpu = (Number(cpuTime(world.pid) - cpuBefore) / 1e9 / seconds) * 100;
    await sleep(500); // the last of them are stored
    look();
    let missing = 0;
    for (const { pid } of shells)
      for (let n = 0; n < total; n++) if (!rows.has(`${pid} : command ${n}`)) missing++;
    return { missing, lost: lost(world.ledger()), rate: (SHELLS * total) / seconds, cpu };
  } finally {
    await Promise.all(shells.map((shell) => shell.close()));
    await world.close();
  }
}
