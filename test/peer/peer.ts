/** Starts the Python osquery core (manager.py) and gives typed calls to it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const ROOT = join(__dirname, '..', '..');
const PYTHON = join(ROOT, 'build', 'python', 'bin', 'python');

export interface ContextJson {
  readonly constraints: readonly {
    readonly name: string;
    readonly affinity: string;
    readonly list: readonly { readonly op: number; readonly expr: string }[];
  }[];
  readonly colsUsed: readonly string[];
  readonly colsUsedBitset: number;
}

export interface GenerateRequest {
  readonly table: string;
  readonly context: ContextJson;
}

type TextRow = { readonly [column: string]: string };

export interface SqlAnswer {
  readonly rows: readonly TextRow[];
  readonly requests: readonly GenerateRequest[];
}

export class Peer {
  readonly socket: string;
  readonly process: ChildProcess;
  readonly #directory: string;
  readonly #waiting = new Map<number, (answer: unknown) => void>();
  #next = 0;

  private constructor(directory: string, seconds: readonly number[]) {
    this.#directory = directory;
    this.socket = join(directory, 'osquery.em');
    const script = join(__dirname, 'manager.py');
    this.process = spawn(PYTHON, [script, this.socket, ...seconds.map(String)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
  }

  /**
   * @param intervalSeconds between the core's pings; one that fails removes the extension
   * @param pingSeconds until a ping without answer has failed; osquery's own is 10
   */
  static async start(intervalSeconds = 1, pingSeconds = 10): Promise<Peer> {
    if (!existsSync(PYTHON)) {
      throw new Error('the Python peer is not installed: run `npm run setup`');
    }
    const peer = new Peer(mkdtempSync(join(tmpdir(), 'peer-')), [intervalSeconds, pingSeconds]);
    await peer.#ready();
    return peer;
  }

  sql(sql: string): Promise<SqlAnswer> {
    return this.#ask({ op: 'sql', sql });
  }

  async extensions(): Promise<{ readonly [uuid: string]: { name: string; version: string } }> {
    const { extensions } = await this.#ask<{
      extensions: { [uuid: string]: { name: string; version: string } };
    }>({ op: 'extensions' });
    return extensions;
  }

  call(
    uuid: number,
    registry: string,
    item: string,
    request: TextRow,
  ): Promise<{ code: number; message: string; rows: readonly TextRow[] }> {
    return this.#ask({ op: 'call', uuid, registry, item, request });
  }

  /** Asks the extension to leave. */
  async shutdown(uuid: number): Promise<void> {
    await this.#ask({ op: 'shutdown', uuid });
  }

  /** Deregisters the extension without telling it. */
  async forget(uuid: number): Promise<void> {
    await this.#ask({ op: 'forget', uuid });
  }

  /** Reads a whole table as bytes, and pings meanwhile. Latencies in seconds, sorted. */
  drainAndPing(
    uuid: number,
    table: string,
  ): Promise<{ bytes: number; rows: number; seconds: number; latencies: readonly number[] }> {
    return this.#ask({ op: 'drain-and-ping', uuid, table });
  }

  async stop(): Promise<void> {
    const gone = new Promise((resolve) => this.process.once('exit', resolve));
    if (this.process.exitCode === null && this.process.signalCode === null) {
      this.process.kill('SIGKILL');
      await gone;
    }
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #ready(): Promise<void> {
    const { stdout } = this.process;
    if (stdout === null) throw new Error('the peer has no output');
    return new Promise((resolve, reject) => {
      this.process.once('exit', (code) => reject(new Error(`the peer ended with ${code}`)));
      createInterface(stdout).on('line', (line) => {
        const answer = JSON.parse(line) as { ready?: true; id?: number };
        if (answer.ready) resolve();
        if (answer.id === undefined) return;
        this.#waiting.get(answer.id)?.(answer);
        this.#waiting.delete(answer.id);
      });
    });
  }

  #ask<T>(request: object): Promise<T> {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, (answer) => {
        const { error } = answer as { error?: string };
        if (error === undefined) resolve(answer as T);
        else reject(new Error(error));
      });
      this.process.stdin?.write(`${JSON.stringify({ id, ...request })}\n`);
    });
  }
}
