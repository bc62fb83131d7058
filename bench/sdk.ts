/**
 * One large answer (100,000 rows of 20 TEXT columns, 59 MB) by our SDK, and in the same run by the others.
 * Exit code 1 where a requirement is missed.
 */
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Manager } from './lib/manager.ts';
import { type Finding, isMissed, table } from './lib/report.ts';
import { median, quantile } from './lib/stats.ts';
import { cpuTime } from './lib/usage.ts';

const ROWS = 100_000;
const COLUMNS = 20;
const NAMES = Array.from({ length: COLUMNS }, (_, c) => `col${String(c).padStart(2, '0')}`);
/** Map header; then each key of 5 and value of 16 bytes, with their lengths. */
const ROW_BYTES = 6 + COLUMNS * (4 + 5 + 4 + 16);
const HERE = path.join(import.meta.dirname, 'contestants');
const PYTHON = path.resolve(import.meta.dirname, '../build/python/bin/python');
/** As the executable runs (scripts/build-bundle.ts). */
const NODE = [process.execPath, '--max-semi-space-size=1', '--single-threaded-gc'];
const MIB = 1024 * 1024;

interface Contestant {
  readonly name: string;
  readonly command: readonly string[];
  readonly rounds: number;
  /** Of answers while it is pinged. */
  readonly pingRounds: number;
}

const run = promisify(execFile);

async function drain(manager: Manager): Promise<number> {
  const args = [
    path.join(HERE, 'drain.py'),
    manager.client.path,
    String(ROWS * ROW_BYTES),
    NAMES.join(','),
    'contestant',
  ];
  const { stdout } = await run(PYTHON, args);
  return (JSON.parse(stdout) as { seconds: number }).seconds;
}

/** VmHWM or VmRSS, bytes. */
function status(pid: number, key: string): number {
  const text = fs.readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(text)?.[1]) * 1024;
}

/** A contestant that is registered and has its rows. */
class Runner {
  readonly contestant: Contestant;
  readonly result = {
    rowsPerSecond: [] as number[],
    cpuSeconds: [] as number[],
    /** Of pings while an answer was on its way, ms. */
    pings: [] as number[],
    /** Peak RSS over what it was before the first answer, bytes. */
    growth: 0,
  };
  readonly #directory: string;
  readonly #manager: Manager;
  readonly #child: ChildProcess;
  readonly #before: number;

  private constructor(
    contestant: Contestant,
    directory: string,
    manager: Manager,
    child: ChildProcess,
  ) {
    this.contestant = contestant;
    this.#directory = directory;
    this.#manager = manager;
    this.#child = child;
    this.#before = status(this.#pid, 'VmRSS');
    fs.writeFileSync(`/proc/${this.#pid}/clear_refs`, '5'); // the peak is counted from here
  }

  static async start(contestant: Contestant): Promise<Runner> {
    process.stderr.write(`==> ${contestant.name}\n`);
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'la-sdk-'));
    const manager = await Manager.start(directory);
    const [program = '', ...args] = contestant.command.map((word) =>
      word === 'SOCKET' ? manager.socket : word === 'DIRECTORY' ? directory : word,
    );
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit'] });
    await manager.answered();
    return new Runner(contestant, directory, manager, child);
  }

  get #pid(): number {
    return this.#child.pid ?? 0;
  }

  async answer(): Promise<void> {
    const cpu = cpuTime(this.#pid);
    const seconds = await drain(this.#manager);
    this.result.rowsPerSecond.push(ROWS / seconds);
    this.result.cpuSeconds.push(Number(cpuTime(this.#pid) - cpu) / 1e9);
    this.result.growth = status(this.#pid, 'VmHWM') - this.#before;
  }

  async answerWithPings(): Promise<void> {
    this.result.pings.push(...(await pingsDuring(this.#manager)));
  }

  async end(): Promise<void> {
    this.#manager.endPings(false);
    await stop(this.#child);
    await this.#manager.close();
    fs.rmSync(this.#directory, { recursive: true });
  }
}

async function pingsDuring(manager: Manager): Promise<number[]> {
  const latencies: number[] = [];
  let done = false;
  const draining = drain(manager).finally(() => {
    done = true;
  });
  while (!done) {
    const begun = performance.now();
    await manager.client.ping();
    latencies.push(performance.now() - begun);
    await sleep(1);
  }
  await draining;
  return latencies;
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

/** Undefined, with the reason on stderr, where Go or its modules are not to be had. */
function buildGo(): string | undefined {
  const go = ['go', '/usr/local/go/bin/go'].find((name) => !spawnSync(name, ['version']).error);
  if (go === undefined) return skip('no Go toolchain');
  const target = path.join(os.tmpdir(), `la-sdk-go-${process.pid}`);
  const { status, stderr } = spawnSync(go, ['build', '-o', target, '.'], {
    cwd: path.join(HERE, 'go'),
    encoding: 'utf8',
  });
  return status === 0 ? target : skip(stderr.trim().split('\n').at(-1) ?? '');
}

function skip(reason: string): undefined {
  process.stderr.write(`==> osquery-go is skipped: ${reason}\n`);
  return undefined;
}

const size = [String(ROWS), String(COLUMNS)];
const ours = (source: string) => [
  ...NODE,
  path.join(HERE, 'ours.ts'),
  'SOCKET',
  ...size,
  source,
  'DIRECTORY',
];
const go = buildGo();
const contestants: Contestant[] = [
  { name: 'ours, rows in memory', command: ours('rows'), rounds: 11, pingRounds: 5 },
  { name: 'ours, rows in a ring', command: ours('ring'), rounds: 11, pingRounds: 5 },
  {
    name: 'osquery-python',
    command: [PYTHON, path.join(HERE, 'table.py'), 'SOCKET', ...size],
    rounds: 2,
    pingRounds: 0,
  },
  ...(go === undefined
    ? []
    : [
        {
          name: 'osquery-go, buffered',
          command: [go, 'SOCKET', ...size, 'buffered'],
          rounds: 11,
          pingRounds: 5,
        },
        {
          name: 'osquery-go',
          command: [go, 'SOCKET', ...size, 'default'],
          rounds: 1,
          pingRounds: 0,
        },
      ]),
];
const only = process.argv[2];
const runners: Runner[] = [];
const ROUNDS = Math.max(...contestants.map(({ rounds }) => rounds));
try {
  for (const contestant of contestants)
    if (only === undefined || contestant.name.startsWith(only))
      runners.push(await Runner.start(contestant));
  // In turns: what else the machine does meets all alike.
  for (const answer of ['answer', 'answerWithPings'] as const)
    for (let round = 0; round < ROUNDS; round++)
      for (const runner of runners)
        if (round < (answer === 'answer' ? runner.contestant.rounds : runner.contestant.pingRounds))
          await runner[answer]();
} finally {
  for (const runner of runners) await runner.end();
}
const results = new Map(runners.map(({ contestant, result }) => [contestant.name, result]));
if (go !== undefined) fs.rmSync(go);

const rate = (name: string): number => median(results.get(name)?.rowsPerSecond ?? [0]);
const bar = Math.max(rate('osquery-go, buffered'), 8 * rate('osquery-python'));
const findings: Finding[] = [];
for (const [name, { rowsPerSecond, cpuSeconds, growth, pings }] of results) {
  const own = name.startsWith('ours');
  findings.push({
    what: `${name}: time`,
    rounds: rowsPerSecond.map((rows) => (ROWS / rows) * 1000),
    unit: 'ms',
    digits: 0,
    note: `${Math.round(median(rowsPerSecond) / 1000)}k rows/s`,
    ...(own && bar > 0 ? { bar: Math.ceil((ROWS / bar) * 1000) } : {}),
  });
  findings.push({
    what: `${name}: CPU`,
    rounds: cpuSeconds.map((s) => s * 1000),
    unit: 'ms',
    digits: 0,
  });
  findings.push({
    what: `${name}: peak RSS, growth`,
    rounds: [growth / MIB],
    unit: 'MiB',
    digits: 1,
    ...(own ? { bar: 57.2 } : {}),
  });
  if (pings.length > 0)
    findings.push({
      what: `${name}: ping, p99`,
      rounds: [quantile(pings, 0.99)],
      unit: 'ms',
      digits: 1,
      note: `${pings.length} pings, longest ${Math.max(...pings).toFixed(1)} ms`,
      ...(own ? { bar: 50 } : {}),
    });
}
process.stdout.write(`\n${os.cpus().length} × ${os.cpus()[0]?.model}, Node ${process.version}\n\n`);
process.stdout.write(table(findings));
process.exitCode = findings.some(isMissed) ? 1 : 0;
