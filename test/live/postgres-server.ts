/**
 * A PostgreSQL server for a test: its own cluster in a temporary directory, on a Unix socket and a loopback
 * port, run by a user without rights. Its CSV log is the oracle: it says what was asked, by whom, and what came
 * of it.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { until } from './collector-process.ts';

const FOLDER = path.resolve(__dirname, '../../build/servers/postgres/node_modules');
/** As discovery shows it. */
const SERVERS = fs.existsSync(FOLDER) ? fs.realpathSync(FOLDER) : FOLDER;
const DEBIAN = '/usr/lib/postgresql/15/bin';
const START_MS = 30_000;

export interface Installed {
  /** What tests call it: `10` … `18`, `Debian 15`. */
  readonly name: string;
  readonly major: number;
  /** Where postgres is. */
  readonly bin: string;
  /** Where initdb is, if not there. */
  readonly initdb?: string;
}

/** All that the test set-up installs. */
export function installedPostgres(): Installed[] {
  const servers = Array.from({ length: 9 }, (_, i) => {
    const major = i + 10;
    const bin = path.join(SERVERS, `postgres-${major}/native/bin`);
    return { name: `${major}`, major, bin };
  });
  return [{ name: 'Debian 15', major: 15, bin: DEBIAN }, ...servers].filter(({ bin }) =>
    fs.existsSync(path.join(bin, 'postgres')),
  );
}

/** Debian's clients: they talk to every version. */
export const client = (name: string): string => path.join(DEBIAN, name);

/**
 * As nobody, for initdb and postgres refuse root; with the right to read through folders that are root's alone,
 * so that the checkout may lie anywhere.
 */
const AS_NOBODY = [
  'setpriv',
  '--reuid=65534',
  '--regid=65534',
  '--clear-groups',
  '--inh-caps=-all,+dac_read_search',
  '--ambient-caps=-all,+dac_read_search',
  '--',
];

const SETTINGS: Readonly<Record<string, string>> = {
  fsync: 'off',
  max_connections: '30',
  shared_buffers: '16MB',
  log_destination: 'csvlog',
  logging_collector: 'on',
  log_directory: 'log',
  log_filename: 'postgres.log',
  log_rotation_age: '0',
  log_statement: 'all',
  log_duration: 'on',
  lc_messages: 'C',
  log_timezone: 'UTC',
  restart_after_crash: 'on',
  wal_level: 'logical',
};

const running = new Set<PostgresServer>();

/** For afterAll: what a failed test left running. */
export async function stopServers(): Promise<void> {
  await Promise.all([...running].map((server) => server.stop()));
}

export class PostgresServer {
  readonly installed: Installed;
  readonly directory: string;
  readonly port: number;
  readonly #child: ChildProcess;
  stderr = '';
  #marks = 0;

  private constructor(
    installed: Installed,
    directory: string,
    port: number,
    settings: Readonly<Record<string, string>>,
    wrapper: readonly string[],
  ) {
    this.installed = installed;
    this.directory = directory;
    this.port = port;
    const all = { ...SETTINGS, ...settings, port: `${port}` };
    const options = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const [command = '', ...rest] = [...wrapper, ...AS_NOBODY];
    const program = [path.join(installed.bin, 'postgres'), '-D', this.data, '-k', directory];
    this.#child = spawn(command, [...rest, ...program, '-h', '127.0.0.1', ...options], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#child.stderr?.on('data', (data) => {
      this.stderr += data;
    });
    running.add(this);
  }

  /** @param wrapper a command that runs the server: unshare … */
  static async start(
    installed: Installed,
    settings: Readonly<Record<string, string>> = {},
    wrapper: readonly string[] = [],
  ): Promise<PostgresServer> {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'la-pg-'));
    fs.chmodSync(directory, 0o755);
    const data = path.join(directory, 'data');
    fs.mkdirSync(data);
    for (const owned of [directory, data]) fs.chownSync(owned, 65_534, 65_534);
    const [command = '', ...rest] = AS_NOBODY;
    const initdb = [
      path.join(installed.initdb ?? installed.bin, 'initdb'),
      '-D',
      data,
      '-U',
      'postgres',
      '-A',
      'trust',
    ];
    const { status, stderr } = spawnSync(
      command,
      [...rest, ...initdb, '-E', 'UTF8', '--locale=C', '--no-sync'],
      { encoding: 'utf8', cwd: '/' },
    );
    if (status !== 0) throw new Error(`initdb of ${installed.name}: ${stderr}`);
    const server = new PostgresServer(installed, directory, await freePort(), settings, wrapper);
    await until(() => server.#isReady(), START_MS);
    return server;
  }

  get data(): string {
    return path.join(this.directory, 'data');
  }

  /** Of the postmaster. */
  get pid(): number {
    return Number(fs.readFileSync(path.join(this.data, 'postmaster.pid'), 'latin1').split('\n')[0]);
  }

  /** For libpq and node-postgres. */
  get environment(): Record<string, string> {
    return {
      PATH: process.env.PATH ?? '',
      PGHOST: this.directory,
      PGPORT: `${this.port}`,
      PGUSER: 'postgres',
      PGDATABASE: 'postgres',
      PGCONNECT_TIMEOUT: '10',
    };
  }

  #isReady(): boolean {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null)
      throw new Error(`postgres ${this.installed.name}: ${this.stderr}`);
    const { status } = spawnSync(client('pg_isready'), ['-q'], { env: this.environment });
    return status === 0;
  }

  /** The CSV log, which another process writes: once it has all that was asked before. */
  async log(): Promise<string> {
    const last = `select 'end of the log ${++this.#marks}'`;
    this.psql(['-c', last]);
    const file = path.join(this.data, 'log/postgres.csv');
    let text = '';
    await until(() => {
      text = fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
      return text.includes(last);
    });
    return text;
  }

  /** Run psql. @returns its standard output */
  psql(args: readonly string[], input?: string | Buffer): string {
    return this.run(client('psql'), ['-X', '-q', '-A', '-t', ...args], input);
  }

  /** Run a client to its end, whatever that is. @returns its standard output */
  run(program: string, args: readonly string[], input?: string | Buffer): string {
    const { stdout, error } = spawnSync(program, args, {
      env: this.environment,
      encoding: 'utf8',
      input: input ?? '',
      timeout: 60_000,
      maxBuffer: 64 * 1024 * 1024,
    });
    if (error) throw error;
    return stdout;
  }

  /** Fast shutdown; its files go. */
  async stop(): Promise<void> {
    if (!running.delete(this)) return;
    const exited = new Promise((resolve) => this.#child.once('exit', resolve));
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      process.kill(this.pid, 'SIGINT');
      const late = setTimeout(() => this.#child.kill('SIGKILL'), 10_000);
      await exited;
      clearTimeout(late);
    }
    fs.rmSync(this.directory, { recursive: true, force: true });
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = net.createServer();
    probe.on('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() =>
        typeof address === 'object' && address ? resolve(address.port) : reject(new Error('port')),
      );
    });
  });
}
