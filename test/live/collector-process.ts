/** The real executable as a child process, with a state directory of its own. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { EXECUTABLE } from './requires.ts';

export type Row = Record<string, string | number | null>;

/** On a loaded machine the kernel takes its time to verify the programs of all tables. */
const START_MS = 25_000;

const newDirectory = (): string => fs.mkdtempSync(path.join(os.tmpdir(), 'la-'));

export class CollectorProcess {
  readonly stateDir: string;
  stderr = '';
  child: ChildProcess;
  readonly #config: string | undefined;

  private constructor(stateDir: string, before: readonly string[], config: string | undefined) {
    this.stateDir = stateDir;
    this.#config = config;
    const [command = '', ...args] = [...before, EXECUTABLE, 'collect', '--state-dir', stateDir];
    this.child = spawn(command, args, {
      stdio: ['ignore', 'ignore', 'pipe'],
      // jest's own copy, which tests may change
      env: { ...process.env, ...(config !== undefined && { LIVE_AUDIT_CONFIG: config }) },
    });
    this.child.stderr?.on('data', (data) => {
      this.stderr += data;
    });
  }

  /**
   * Resolves when it collects.
   * @param before a command that becomes the one that follows it: unshare and its like
   */
  static async start(
    stateDir: string = path.join(newDirectory(), 'state'),
    before: readonly string[] = [],
    config?: string,
  ): Promise<CollectorProcess> {
    const collector = new CollectorProcess(stateDir, before, config);
    try {
      await until(() => {
        if (collector.child.exitCode !== null) throw new Error(collector.stderr);
        return collector.stderr.includes('collecting in');
      }, START_MS);
    } catch (error) {
      await collector.end(); // or it would capture all that the next tests do
      throw error;
    }
    return collector;
  }

  /** The same with a config, also when it is started again. */
  static startWith(config: object): Promise<CollectorProcess> {
    const directory = newDirectory();
    const file = path.join(directory, 'config.json');
    fs.writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
    return CollectorProcess.start(path.join(directory, 'state'), [], file);
  }

  query(sql: string): Row[] {
    return query(this.stateDir, sql);
  }

  /** Rows, once there are `count` of them. */
  async rows(sql: string, count: number, timeoutMs = 5000): Promise<Row[]> {
    let rows: Row[] = [];
    await until(() => {
      rows = this.query(sql);
      return rows.length >= count;
    }, timeoutMs).catch(() => {});
    return rows;
  }

  /** A new collector on the same state. */
  restarted(): Promise<CollectorProcess> {
    return CollectorProcess.start(this.stateDir, [], this.#config);
  }

  /** Stop, and end what it left capturing. */
  async end(): Promise<void> {
    await this.stop('SIGKILL');
    release(this.stateDir);
  }

  /** Stop, as systemd does: capture goes on in the kernel. @returns the exit code */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const exited = new Promise((resolve) => this.child.once('exit', resolve));
      this.child.kill(signal);
      await exited;
    }
    return this.child.exitCode;
  }
}

/** Run the executable to its end. */
export function run(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const { status, stdout, stderr } = spawnSync(EXECUTABLE, args, {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, ...env },
    maxBuffer: 256 * 1024 * 1024,
  });
  return { status, stdout, stderr };
}

export function query(stateDir: string, sql: string): Row[] {
  const { status, stdout, stderr } = run(['query', '--json', '--state-dir', stateDir, sql]);
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

/** End what a stopped collector left capturing. */
export function release(stateDir: string): void {
  const { status, stderr } = run(['collect', '--release', '--state-dir', stateDir]);
  if (status !== 0) throw new Error(stderr);
}

/** Wait until something is true. */
export async function until(condition: () => boolean, timeoutMs = 30_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
