/** Debian's MariaDB with a table for sysbench, and sysbench itself. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const MARIADBD = '/usr/sbin/mariadbd';
const START_TRIES = 300;
const START_STEP_MS = 100;
const ROWS = 10_000;
export const THREADS = 4;

export class BenchServer {
  readonly #directory = fs.mkdtempSync(path.join(os.tmpdir(), 'la-bench-my-'));
  readonly #socket = path.join(this.#directory, 's.sock');
  readonly #child: ChildProcess;

  private constructor() {
    const data = path.join(this.#directory, 'data');
    const install = ['--no-defaults', '--user=root', `--datadir=${data}`];
    run('mariadb-install-db', [...install, '--auth-root-authentication-method=normal']);
    this.#child = spawn(
      MARIADBD,
      [...install, `--socket=${this.#socket}`, '--skip-networking', '--skip-log-bin'],
      { stdio: 'ignore' },
    );
  }

  static async start(): Promise<BenchServer> {
    const server = new BenchServer();
    for (let tries = 0; !fs.existsSync(server.#socket); tries++) {
      if (tries === START_TRIES) throw new Error('mariadbd does not start');
      await sleep(START_STEP_MS);
    }
    run('mariadb', [`--socket=${server.#socket}`, '-e', 'CREATE DATABASE sbtest']);
    run('sysbench', [...server.#arguments('disable'), 'prepare']);
    return server;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  #arguments(prepared: 'disable' | 'auto'): string[] {
    return [
      ...['oltp_point_select', '--db-driver=mysql', `--mysql-socket=${this.#socket}`],
      ...['--mysql-user=root', `--table-size=${ROWS}`, `--threads=${THREADS}`],
      `--db-ps-mode=${prepared}`,
    ];
  }

  /** Queries in so many seconds of point selects. */
  async pointSelects(prepared: boolean, seconds: number): Promise<number> {
    const args = [...this.#arguments(prepared ? 'auto' : 'disable'), `--time=${seconds}`, 'run'];
    const child = spawn('sysbench', args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (data) => {
      output += data;
    });
    await once(child, 'close');
    const queries = /read:\s+(\d+)/.exec(output)?.[1];
    if (queries === undefined) throw new Error(`sysbench: ${output}`);
    return Number(queries);
  }

  async stop(): Promise<void> {
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
    fs.rmSync(this.#directory, { recursive: true });
  }
}

function run(command: string, args: readonly string[]): void {
  const { status, error, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (error) throw error;
  if (status !== 0) throw new Error(`${command}: ${stderr}`);
}
