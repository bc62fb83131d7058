/** Resident memory after 1,000 commands and 1,000 queries. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Operator } from '../../extension/sdk/context.ts';
import { RingReader } from '../../tables/ring/reader.ts';
import { spec } from '../../tables/shell_history_live/spec.ts';
import type { Finding } from './report.ts';
import { Shell } from './shell.ts';
import { median } from './stats.ts';
import { type Memory, memory } from './usage.ts';
import { type Mode, World } from './world.ts';

const ROUNDS = 5;
const COMMANDS = 1000;
const QUERIES = 1000;
/** Rows of each answer, with all columns. */
const ROWS = 100;
const SETTLE_MS = 1000;
const BAR_MB = 100;
const MB = 1e6;

export async function residentMemory(mode: Mode): Promise<Finding[]> {
  const found = new Map<string, Memory[]>();
  for (let round = 0; round < ROUNDS; round++) {
    const world = await World.start(mode);
    try {
      await work(world);
      await sleep(SETTLE_MS);
      for (const { role, pid } of world.programs)
        found.set(role, [...(found.get(role) ?? []), memory(pid)]);
    } finally {
      await world.stop();
    }
  }
  return [...found].map(([role, rounds]) => {
    const part = (name: keyof Memory) => (median(rounds.map((m) => m[name])) / MB).toFixed(1);
    return {
      what: `RSS besides the rings: ${role}`,
      rounds: rounds.map(({ files, anonymous }) => (files + anonymous) / MB),
      unit: 'MB',
      digits: 1,
      bar: BAR_MB,
      note: `of that ${part('anonymous')} own, ${part('files')} file pages; besides: ring file ${part('ring')}, BPF ring ${part('bpf')}`,
    };
  });
}

async function work(world: World): Promise<void> {
  const shell = await Shell.open();
  for (let i = 0; i < COMMANDS; i++) await shell.run(`: ${i}`);
  await shell.close();
  const reader = new RingReader({ directory: world.stateDir, spec });
  await sleep(100);
  const last = reader.lastEid() ?? 0;
  const stored = reader.ledger().events_stored;
  reader.close();
  if (stored < COMMANDS) throw new Error(`${stored} of ${COMMANDS} commands were stored`);
  const expr = String(last - ROWS + 1);
  const constraints = [{ column: 'eid', op: Operator.GREATER_OR_EQUAL, expr }];
  for (let i = 0; i < QUERIES; i++) {
    const rows = await world.manager.client.generate(spec.name, { constraints });
    if (rows.length < ROWS) throw new Error(`${rows.length} of ${ROWS} rows were answered`);
  }
}
