/**
 * `npm run demo`: a real bash on a pseudo-terminal, a few commands, and their rows by SQL. Where BPF may not
 * be used it says so in one line and shows the same from a recording.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { replay } from '../tables/collector/recording.ts';
import { RingWriter } from '../tables/ring/writer.ts';
import { capture } from '../tables/shell_history_live/capture.ts';
import { typeDemo } from './demo-session.ts';

const ROOT = path.dirname(import.meta.dirname);
const EXECUTABLE = path.join(ROOT, 'build/live_audit.ext');
const RECORDING = path.join(ROOT, 'test/fixtures/shell/demo.records');
const START_MS = 10_000;
const ROWS_SQL =
  'SELECT command, exit_code, cwd, pid FROM shell_history_live WHERE pid = %pid ORDER BY eid';
const RING_SQL =
  'SELECT table_name, events_seen, events_stored, overwritten, lost_reserve, lost_state FROM live_audit_rings';

const say = (line: string) => process.stdout.write(`==> ${line}\n`);

function show(stateDir: string, sql: string): void {
  process.stdout.write(`\nsql> ${sql}\n`);
  const { status } = spawnSync(EXECUTABLE, ['query', '--state-dir', stateDir, sql], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (status !== 0) throw new Error(`the query failed (exit code ${status})`);
}

/** Start the real collector. @returns how to stop it, or what keeps it from collecting */
async function startCollector(stateDir: string): Promise<(() => Promise<void>) | string> {
  const child = spawn(EXECUTABLE, ['collect', '--state-dir', stateDir], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exited = once(child, 'exit');
  let said = '';
  child.stderr.on('data', (data) => {
    said += data;
  });
  const deadline = performance.now() + START_MS;
  while (!said.includes('collecting in') && child.exitCode === null) {
    if (performance.now() > deadline) return 'the collector did not start';
    await sleep(20);
  }
  if (child.exitCode !== null) return said.trim().split('\n').at(-1) ?? 'the collector failed';
  return async () => {
    child.kill('SIGTERM');
    await exited;
    spawnSync(EXECUTABLE, ['collect', '--release', '--state-dir', stateDir]);
  };
}

async function live(stateDir: string): Promise<boolean> {
  say('collector: starting');
  const stop = await startCollector(stateDir);
  if (typeof stop === 'string') {
    say(`no live capture here: ${stop}`);
    return false;
  }
  say('bash: typing into a pseudo-terminal');
  const { pid, screen } = await typeDemo();
  process.stdout.write(`\n${screen}`);
  await sleep(100);
  show(stateDir, ROWS_SQL.replace('%pid', String(pid)));
  show(stateDir, RING_SQL);
  await stop();
  return true;
}

/** The same from what the kernel gave when the demo was recorded. */
function recorded(stateDir: string): void {
  say('tables: from a recording of the same session');
  fs.mkdirSync(stateDir, { mode: 0o700, recursive: true });
  const writer = new RingWriter({ directory: stateDir, spec: capture.spec, capacity: 2 ** 20 });
  const world = {
    target: () => ({ program: 'bash', path: '/usr/bin/bash' }),
    bootToUnix: 0n,
    maxText: 2 ** 20,
  };
  const { events } = replay(fs.readFileSync(RECORDING), capture.assembler(world));
  writer.count('events_seen', events.length);
  for (const event of events) writer.append(event);
  writer.close();
  show(stateDir, ROWS_SQL.replace('WHERE pid = %pid ', ''));
  show(stateDir, RING_SQL);
}

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'live-audit-demo-'));
try {
  if (!(await live(path.join(directory, 'state')))) recorded(path.join(directory, 'recorded'));
} finally {
  fs.rmSync(directory, { recursive: true });
}
