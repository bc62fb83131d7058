/** The real executable under measurement, in one of the two ways in which it is run. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readProbeStates } from '../../tables/collector/probe-state.ts';
import { release } from './load-world.ts';
import { Manager } from './manager.ts';

const EXECUTABLE = path.resolve(import.meta.dirname, '../../build/live_audit.ext');
const START_MS = 10_000;

/**
 * `daemon`: `live_audit.ext collect` captures, and an extension beside it serves what it captured.
 * `alone`: the extension that osquery starts does both.
 */
export type Mode = 'daemon' | 'alone';

interface Program {
  /** What it does, for the tables. */
  readonly role: string;
  readonly pid: number;
}

export class World {
  readonly stateDir: string;
  readonly manager: Manager;
  readonly programs: Program[] = [];
  readonly #directory: string;
  readonly #children: { child: ChildProcess; said: string }[] = [];

  private constructor(directory: string, manager: Manager) {
    this.#directory = directory;
    this.stateDir = path.join(directory, 'state');
    this.manager = manager;
  }

  /** A core without programs. */
  static async empty(): Promise<World> {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'la-bench-'));
    return new World(directory, await Manager.start(directory));
  }

  /** Resolves when it captures, is registered and answers. */
  static async start(mode: Mode): Promise<World> {
    const world = await World.empty();
    if (mode === 'daemon') {
      world.collector();
      await world.capturing();
    }
    world.extension(mode === 'daemon' ? 'extension' : 'extension that collects');
    await Promise.all([world.manager.answered(), world.capturing()]);
    return world;
  }

  collector(): void {
    this.#spawn('collector', ['collect']);
  }

  extension(role: string): void {
    this.#spawn(role, ['--socket', this.manager.socket, '--timeout', '3', '--interval', '3']);
  }

  #spawn(role: string, args: readonly string[]): void {
    const child = spawn(EXECUTABLE, [...args, '--state-dir', this.stateDir], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const entry = { child, said: '' };
    child.stderr.on('data', (data) => {
      entry.said += data;
    });
    this.#children.push(entry);
    this.programs.push({ role, pid: child.pid ?? 0 });
  }

  /**
   * Resolves when the probes are attached, as the published state says; looks every ms.
   * @returns performance.now()
   */
  async capturing(): Promise<number> {
    const deadline = performance.now() + START_MS;
    while (!readProbeStates(this.stateDir).some(({ state }) => state === 'attached')) {
      const ended = this.#children.find(({ child }) => child.exitCode !== null);
      if (ended || performance.now() > deadline)
        throw new Error(`nothing is captured: ${this.#children.map((c) => c.said).join('')}`);
      await sleep(1);
    }
    return performance.now();
  }

  /** @throws where the extension did not always answer */
  async stop(): Promise<void> {
    try {
      this.manager.endPings();
    } finally {
      await this.#stopChildren();
      await this.manager.close();
      release(this.stateDir);
      fs.rmSync(this.#directory, { recursive: true });
    }
  }

  async #stopChildren(): Promise<void> {
    for (const { child } of this.#children.toReversed()) {
      const exited = once(child, 'exit');
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGTERM');
        await exited;
      }
    }
  }
}
