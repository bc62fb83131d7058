/**
 * The one process that collects: it holds the lock of the state directory, writes the rings, and publishes
 * the state of its probes. Where nothing can be captured it still does the rest, and says why.
 */
import { bpffsProblem } from '../../native/bpffs.ts';
import { LiveAuditError } from '../../native/errors.ts';
import type { RecordSink } from '../../native/kernel-ring.ts';
import { RingWriter } from '../ring/writer.ts';
import type { Capture } from './capture.ts';
import { COLLECTOR_DEFAULTS } from './defaults.ts';
import { Discovery } from './discovery.ts';
import { removePins, tablePins } from './pins.ts';
import { type ProbeState, ProbeStatePublisher } from './probe-state.ts';
import { CaptureSession } from './session.ts';
import { CollectorLock, openStateDir } from './state-dir.ts';
import type { TargetKind } from './target-kind.ts';

export interface CollectorOptions {
  readonly stateDir: string;
  readonly assetsDir: string;
  readonly captures: readonly Capture[];
  readonly log: (line: string) => void;
  /** Captures that are switched off: what an earlier collector left capturing of them ends. */
  readonly off?: readonly Capture[];
  /** Bytes of the ring file, by table; what is not named has the default. */
  readonly ringBytes?: Readonly<Record<string, number>>;
  readonly kernelRingBytes?: number;
  /** Pin probes and rings, so that capture outlives this process; the default. */
  readonly keepCapture?: boolean;
  readonly maxText?: number;
  /** Longest JSON of bound parameters, bytes, by table; what is 0 or not named is not captured. */
  readonly parameterBytes?: Readonly<Record<string, number>>;
  /** Binaries beyond what is discovered. */
  readonly targets?: readonly { readonly program: string; readonly path: string }[];
  /** For recordings: sees each record of the kernel's ring buffer. */
  readonly onRecord?: RecordSink;
}

const TICK_MS = 1000;
const TICKS_PER_SWEEP = 2;
const TICKS_PER_TIDY = 10;

export class Collector {
  readonly #lock: CollectorLock;
  readonly #publisher: ProbeStatePublisher;
  readonly #writers: RingWriter[] = [];
  readonly #sessions: CaptureSession[] = [];
  readonly #failures: ProbeState[] = [];
  readonly #timer: NodeJS.Timeout;
  readonly #log: (line: string) => void;
  #ticks = 0;
  #unpublished = false;
  #keepCapture = false;
  #discovery: Discovery | null = null;

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
    this.#log = options.log;
    this.#publisher = new ProbeStatePublisher(options.stateDir);
    try {
      const problem = options.keepCapture === false ? null : bpffsProblem();
      this.#keepCapture = options.keepCapture !== false && problem === null;
      for (const { spec } of options.off ?? []) removePins(tablePins(options.stateDir, spec.name));
      for (const capture of options.captures) this.#startCapture(options, capture);
      if (this.#sessions.length > 0) {
        if (problem !== null) options.log(`capture ends with this process: ${problem}`);
        this.#discovery = this.#discover(options);
      }
      this.#tick();
    } catch (error) {
      this.#closeAll();
      throw error;
    }
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  #discover({ assetsDir, log, targets = [] }: CollectorOptions): Discovery {
    const kinds = this.#sessions.flatMap((session) => session.kinds);
    const paths = targets.flatMap(({ program, path }) =>
      kinds.filter((kind) => kind.program === program).map((kind) => ({ kind, path })),
    );
    const sessionOf = (kind: TargetKind) => this.#sessions.find((s) => s.table === kind.table);
    const discovery = new Discovery({
      assetsDir,
      kinds,
      paths,
      log,
      onFound: (kind, executable) => {
        sessionOf(kind)?.attach(kind, executable);
        if (this.#discovery) this.#publish(); // those of the first scan are published together
      },
      onGone: (executable) => {
        for (const session of this.#sessions) session.release(executable);
      },
    });
    discovery.scan();
    return discovery;
  }

  /** Let go of binaries that nobody has or runs any more; show the others by a path that still works. */
  #tidy(discovery: Discovery): void {
    for (const session of this.#sessions) {
      for (const executable of discovery.unused(session.attached)) session.release(executable);
      session.relocate((executable) => discovery.currentPath(executable));
    }
  }

  #startCapture(options: CollectorOptions, capture: Capture): void {
    const { stateDir, assetsDir, log } = options;
    const { spec } = capture;
    const capacity = options.ringBytes?.[spec.name] ?? COLLECTOR_DEFAULTS.ringBytes;
    const writer = new RingWriter({ directory: stateDir, spec, capacity });
    this.#writers.push(writer);
    if (writer.setAside) {
      const { path, reason, removed } = writer.setAside;
      const gone = removed.length > 0 ? `; removed, as the oldest: ${removed.join(', ')}` : '';
      log(`${spec.name}: set aside as ${path}: ${reason}${gone}`);
    }
    const { kernelRingBytes, maxText } = { ...COLLECTOR_DEFAULTS, ...options };
    try {
      const { onRecord } = options;
      const parameterBytes = options.parameterBytes?.[spec.name] ?? 0;
      const sizes = { kernelRingBytes, maxText, parameterBytes };
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
    this.#ticks++;
    const sweep = this.#ticks % TICKS_PER_SWEEP === 0;
    if (this.#discovery && this.#ticks % TICKS_PER_TIDY === 0) this.#tidy(this.#discovery);
    for (const session of this.#sessions) {
      session.updateLedger();
      if (sweep) session.sweep();
    }
    this.#publish();
  }

  #publish(): void {
    const states = this.#sessions.flatMap((session) => session.probeStates());
    try {
      this.#publisher.publish([...this.#failures, ...states]);
      this.#unpublished = false;
    } catch (error) {
      // A full disk must not end the capture; the next tick tries again.
      if (!this.#unpublished) this.#log(`probes.json is not written: ${(error as Error).message}`);
      this.#unpublished = true;
    }
  }

  /** Stop; another process may collect. */
  stop(): void {
    clearInterval(this.#timer);
    this.#closeAll();
  }

  #closeAll(): void {
    this.#discovery?.close();
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
    lost: 0,
    last_event_time: null,
    last_error: reason,
  };
}
