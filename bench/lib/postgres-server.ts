/** Debian's PostgreSQL with pgbench's tables, and pgbench itself. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Load } from './cost.ts';

const BIN = '/usr/lib/postgresql/15/bin';
export const CAPTURED = `${BIN}/postgres`;
const PORT = '5432';
const START_TRIES = 300;
const START_STEP_MS = 100;
/** 100,000 rows each. */
const SCALE = 5;
const CLIENTS = 4;
const TICKS_PER_S = 100;
/** cutime and cstime of /proc/PID/stat, counted from after the name in parentheses. */
const CUTIME = 13;
/** postgres and initdb refuse root. */
const AS_NOBODY = ['--reuid=65534', '--regid=65534', '--clear-groups', '--'];

export type Mode = 'simple' | 'prepared';

export class BenchServer {
  readonly #directory = fs.mkdtempSync(path.join(os.tmpdir(), 'la-bench-pg-'));
  #child: ChildProcess | null = null;

  private constructor() {
    fs.chownSync(this.#directory, 65_534, 65_534);
    const init = [`${BIN}/initdb`, '-D', this.#data, '-U', 'postgres', '-A', 'trust', '--no-sync'];
    run('setpriv', [...AS_NOBODY, ...init]);
  }

  /** With pgbench's tables, and not running. */
  static async make(): Promise<BenchServer> {
    const server = new BenchServer();
    await server.start(CAPTURED);
    run(`${BIN}/pgbench`, ['-i', '-q', '-s', `${SCALE}`, ...server.#connection]);
    await server.stop();
    return server;
  }

  get #data(): string {
    return path.join(this.#directory, 'data');
  }

  /** @param program CAPTURED, or a twin of it */
  async start(program: string): Promise<void> {
    const settings = ['-c', 'shared_buffers=256MB', '-c', 'autovacuum=off', '-c', 'fsync=off'];
    const place = ['-D', this.#data, '-k', this.#directory, '-p', PORT, '-h', ''];
    this.#child = spawn('setpriv', [...AS_NOBODY, program, ...place, ...settings], {
      stdio: 'ignore',
      cwd: '/',
    });
    for (let tries = 0; !this.#isReady(); tries++) {
      if (tries === START_TRIES) throw new Error('postgres does not start');
      await sleep(START_STEP_MS);
    }
  }

  get #connection(): string[] {
    return ['-h', this.#directory, '-p', PORT, '-U', 'postgres', 'postgres'];
  }

  #isReady(): boolean {
    const args = ['-q', '-h', this.#directory, '-p', PORT];
    return spawnSync(`${BIN}/pg_isready`, args).status === 0;
  }

  /** CPU of the backends that have ended: the postmaster waits for each. ns */
  #backendTime(): number {
    const stat = fs.readFileSync(`/proc/${this.#child?.pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return ((Number(fields[CUTIME]) + Number(fields[CUTIME + 1])) / TICKS_PER_S) * 1e9;
  }

  /** Select single rows for so many seconds. */
  async selects(mode: Mode, seconds: number): Promise<Load> {
    const before = this.#backendTime();
    const args = ['-n', '-S', '-M', mode, '-c', `${CLIENTS}`, '-T', `${seconds}`];
    const child = spawn(`${BIN}/pgbench`, [...args, ...this.#connection], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let output = '';
    child.stdout.on('data', (data) => {
      output += data;
    });
    await once(child, 'close');
    const queries = /transactions actually processed: (\d+)/.exec(output)?.[1];
    if (queries === undefined) throw new Error(`pgbench: ${output}`);
    await sleep(START_STEP_MS); // the last backend is waited for
    return { statements: Number(queries), serverNs: this.#backendTime() - before };
  }

  async stop(): Promise<void> {
    if (this.#child === null || this.#child.exitCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGINT');
    await exited;
  }

  async close(): Promise<void> {
    await this.stop();
    fs.rmSync(this.#directory, { recursive: true });
  }
}

/**
 * A copy of the server that no collector takes for one: the name of a variable, by which servers are recognised, is
 * another one. Its code is the same to the byte.
 */
export function makeTwin(directory: string): string {
  const bytes = fs.readFileSync(CAPTURED);
  const [name, other] = [Buffer.from('\0MyProcPort\0'), Buffer.from('\0NoProcPort\0')];
  const at = bytes.indexOf(name);
  if (at < 0 || bytes.indexOf(name, at + 1) >= 0)
    throw new Error(`${CAPTURED}: one name is expected`);
  other.copy(bytes, at);
  const twin = path.join(directory, 'twin');
  fs.writeFileSync(twin, bytes, { mode: 0o755 });
  return twin;
}

export const what = (mode: Mode): string => `pgbench -S -M ${mode}, ${CLIENTS} clients`;

function run(command: string, args: readonly string[]): void {
  const { status, error, stderr } = spawnSync(command, args, { encoding: 'utf8', cwd: '/' });
  if (error) throw error;
  if (status !== 0) throw new Error(`${command}: ${stderr}`);
}
