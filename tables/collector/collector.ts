/**
 * The one process that collects: it holds the lock of the state directory, writes the rings, and publishes
 * the state of its probes. Where nothing can be captured it still does the rest, and says why.
 */
import { LiveAuditError } from '../../native/errors.ts';
import { runningExecutables } from '../../native/executables.ts';
import type { RecordSink } from '../../native/kernel-ring.ts';
import { unaccounted } from '../ring/ledger.ts';
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
const TICKS_PER_SWEEP = 10;

export class Collector {
  readonly #lock: CollectorLock;
  readonly #publisher: ProbeStatePublisher;
  readonly #writers: RingWriter[] = [];
  readonly #sessions: CaptureSession[] = [];
  readonly #failures: ProbeState[] = [];
  readonly #timer: NodeJS.Timeout;
  #ticks = 0;

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
      const running = runningExecutables();
      for (const capture of options.captures) this.#startCapture(options, capture, running);
      this.#tick();
    } catch (error) {
      this.#closeAll();
      throw error;
    }
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  #startCapture(
    options: CollectorOptions,
    capture: Capture,
    running: ReturnType<typeof runningExecutables>,
  ): void {
    const { stateDir: directory, assetsDir, log } = options;
    const { spec } = capture;
    const capacity = options.ringBytes ?? DEFAULTS.ringBytes;
    const writer = new RingWriter({ directory, spec, capacity });
    this.#writers.push(writer);
    if (writer.setAside)
      log(`${spec.name}: set aside as ${writer.setAside.path}: ${writer.setAside.reason}`);
    settle(writer);
    const { kernelRingBytes, maxText } = { ...DEFAULTS, ...options };
    try {
      const onRecord = options.onRecord ?? (() => {});
      const session = { capture, writer, assetsDir, kernelRingBytes, maxText, log, onRecord };
      this.#sessions.push(new CaptureSession(session, running));
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

  /** Stop: everything that is under way is stored, and another process may collect. */
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

/** What a collector that was killed had seen and not stored is lost; what it had not counted yet was seen. */
function settle(writer: RingWriter): void {
  const missing = unaccounted(writer.ledger());
  if (missing > 0) writer.count('lost_incomplete', missing);
  if (missing < 0) writer.count('events_seen', -missing);
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
