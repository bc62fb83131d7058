/**
 * The one process that collects: it holds the lock of the state directory, writes the rings, and publishes
 * the state of its probes. Where nothing can be captured it still does the rest, and says why.
 */
import path from 'node:path';
import { bpffsProblem } from '../../native/bpffs.ts';
import { LiveAuditError } from '../../native/errors.ts';
import {
  type Executable,
  installedExecutable,
  runningExecutables,
} from '../../native/executables.ts';
import type { RecordSink } from '../../native/kernel-ring.ts';
import { RingWriter } from '../ring/writer.ts';
import type { Capture } from './capture.ts';
import { type ProbeState, ProbeStatePublisher } from './probe-state.ts';
import { CaptureSession } from './session.ts';
import { CollectorLock, openStateDir } from './state-dir.ts';

export interface CollectorOptions {
  readonly stateDir: string;
  readonly assetsDir: string;
  readonly captures: readonly Capture[];
  readonly log: (line: string) => void;
  readonly ringBytes?: number;
  readonly kernelRingBytes?: number;
  /** Pin probes and rings, so that capture outlives this process; the default. */
  readonly keepCapture?: boolean;
  readonly maxText?: number;
  /** For recordings: sees each record of the kernel's ring buffer. */
  readonly onRecord?: RecordSink;
}

const DEFAULTS = {
  ringBytes: 16 * 1024 * 1024,
  kernelRingBytes: 8 * 1024 * 1024,
  maxText: 1024 * 1024,
} as const;

const TICK_MS = 1000;
const TICKS_PER_SWEEP = 2;

export class Collector {
  readonly #lock: CollectorLock;
  readonly #publisher: ProbeStatePublisher;
  readonly #writers: RingWriter[] = [];
  readonly #sessions: CaptureSession[] = [];
  readonly #failures: ProbeState[] = [];
  readonly #timer: NodeJS.Timeout;
  #ticks = 0;
  #keepCapture = false;

  /**
   * @returns null where another process collects
   * @throws LiveAuditError STATE_DIR, RING_*
   */
  static start(options: CollectorOptions): Collector | null {
    openStateDir(options.stateDir);
    const lock = CollectorLock.take(options.stateDir);
    return lock && new Collector(options, lock);
  }

  private constructor(options: CollectorOptions, lock: CollectorLock) {
    this.#lock = lock;
    this.#publisher = new ProbeStatePublisher(options.stateDir);
    try {
      this.#keepCapture = options.keepCapture !== false && this.#canKeep(options);
      for (const capture of options.captures) this.#startCapture(options, capture);
      this.#attachAll(runningExecutables());
      this.#tick();
    } catch (error) {
      this.#closeAll();
      throw error;
    }
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  #canKeep({ log }: CollectorOptions): boolean {
    const problem = bpffsProblem();
    if (problem !== null) log(`capture ends with this process: ${problem}`);
    return problem === null;
  }

  #attachAll(running: readonly Executable[]): void {
    for (const session of this.#sessions) {
      for (const kind of session.kinds) {
        for (const executable of running)
          if (kind.fileName.test(path.basename(executable.name))) session.attach(kind, executable);
        for (const installed of kind.paths) {
          const executable = installedExecutable(installed);
          if (executable) session.attach(kind, executable);
        }
      }
    }
  }

  #startCapture(options: CollectorOptions, capture: Capture): void {
    const { stateDir, assetsDir, log } = options;
    const { spec } = capture;
    const capacity = options.ringBytes ?? DEFAULTS.ringBytes;
    const writer = new RingWriter({ directory: stateDir, spec, capacity });
    this.#writers.push(writer);
    if (writer.setAside)
      log(`${spec.name}: set aside as ${writer.setAside.path}: ${writer.setAside.reason}`);
    const { kernelRingBytes, maxText } = { ...DEFAULTS, ...options };
    try {
      const onRecord = options.onRecord ?? (() => {});
      const sizes = { kernelRingBytes, maxText };
      const keepCapture = this.#keepCapture;
      const session = new CaptureSession({
        ...{ capture, writer, stateDir, assetsDir, keepCapture, log, onRecord },
        ...sizes,
      });
      this.#sessions.push(session);
    } catch (error) {
      if (!(error instanceof LiveAuditError)) throw error;
      this.#failures.push(failedTable(spec.name, error.line));
      log(`${spec.name}: no capture: ${error.line}`);
    }
  }

  /** Why nothing at all is captured, or null where something is. */
  get failure(): string | null {
    return this.#sessions.length === 0 ? (this.#failures[0]?.last_error ?? null) : null;
  }

  #tick(): void {
    const sweep = this.#ticks++ % TICKS_PER_SWEEP === 0;
    const states = [...this.#failures];
    for (const session of this.#sessions) {
      session.updateLedger();
      if (sweep) session.sweep();
      states.push(...session.probeStates());
    }
    this.#publisher.publish(states);
  }

  /** Stop; another process may collect. */
  stop(): void {
    clearInterval(this.#timer);
    this.#closeAll();
  }

  #closeAll(): void {
    for (const session of this.#sessions) session.close();
    for (const writer of this.#writers) writer.close();
    this.#publisher.withdraw();
    this.#lock.release();
  }
}

export function failedTable(table: string, reason: string): ProbeState {
  return {
    table_name: table,
    target: null,
    build_id: null,
    symbol: null,
    hook: null,
    offset: null,
    state: 'failed',
    hits: 0,
    last_event_time: null,
    last_error: reason,
  };
}
