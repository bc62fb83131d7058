/**
 * The one process that collects: it holds the lock of the state directory, writes the rings, and publishes
 * the state of its probes. Where nothing can be captured it still does the rest, and says why.
 */
import { bpffsProblem } from '../../native/bpffs.ts';
import { keepMemoryFromCore } from '../../native/core-memory.ts';
import type { RecordSink } from '../../native/kernel-ring.ts';
import { giveMemoryBack } from '../../native/memory.ts';
import type { Redaction } from '../redact/guarded.ts';
import type { Capture, CaptureSettings } from './capture.ts';
import { CapturedTables } from './captured-tables.ts';
import { Discovery } from './discovery.ts';
import { removePins, tablePins } from './pins.ts';
import { ProbeStatePublisher } from './probe-state.ts';
import { RunningSource } from './running-source.ts';
import type { Source } from './source.ts';
import { CollectorLock, openStateDir } from './state-dir.ts';
import type { ConfiguredTarget } from './symbol-places.ts';
import type { TargetKind } from './target-kind.ts';

export interface CollectorOptions {
  readonly stateDir: string;
  readonly assetsDir: string;
  readonly captures: readonly Capture[];
  readonly log: (line: string) => void;
  /** What fills tables without BPF, with the tables that are switched on. */
  readonly sources?: readonly Source[];
  /** Captures that are switched off: what an earlier collector left capturing of them ends. */
  readonly off?: readonly Capture[];
  /** Bytes of the ring file, by table; what is not named has the default. */
  readonly ringBytes?: Readonly<Record<string, number>>;
  readonly kernelRingBytes?: number;
  /** Pin probes and rings, so that capture outlives this process; the default. */
  readonly keepCapture?: boolean;
  readonly maxText?: number;
  /** How secrets are taken out of texts; null: not at all. */
  readonly redaction?: Redaction | null;
  /** Longest JSON of bound parameters, bytes, by table; what is 0 or not named is not captured. */
  readonly parameterBytes?: Readonly<Record<string, number>>;
  /** What else the config says of a table, by its name. */
  readonly settings?: Readonly<Record<string, CaptureSettings>>;
  /** Binaries beyond what is discovered. */
  readonly targets?: readonly ConfiguredTarget[];
  /** For recordings: sees each record of the kernel's ring buffer. */
  readonly onRecord?: RecordSink;
}

const TICK_MS = 1000;
const TICKS_PER_SWEEP = 2;
const TICKS_PER_TIDY = 10;
const TICKS_PER_COLLECTION = 60;
const TICKS_PER_REMEMBERED = 600;

export class Collector {
  #lock: CollectorLock;
  readonly #publisher: ProbeStatePublisher;
  readonly #options: CollectorOptions;
  readonly #tables: CapturedTables;
  readonly #sources: RunningSource[] = [];
  readonly #timer: NodeJS.Timeout;
  readonly #log: (line: string) => void;
  #ticks = 0;
  #unpublished = false;
  /** Whether programs and symbols were loaded since the last tick. */
  #loaded = false;
  #discovery: Discovery | null = null;

  /**
   * @returns null where another process collects
   * @throws LiveAuditError STATE_DIR, RING_*
   */
  static start(options: CollectorOptions): Collector | null {
    openStateDir(options.stateDir);
    keepMemoryFromCore(); // it has texts as they were typed
    const lock = CollectorLock.take(options.stateDir);
    return lock && new Collector(options, lock);
  }

  private constructor(options: CollectorOptions, lock: CollectorLock) {
    this.#options = options;
    this.#lock = lock;
    this.#log = options.log;
    this.#publisher = new ProbeStatePublisher(options.stateDir);
    const problem = options.keepCapture === false ? null : bpffsProblem();
    const keepCapture = options.keepCapture !== false && problem === null;
    this.#tables = new CapturedTables(options, keepCapture);
    try {
      for (const { spec } of options.off ?? []) removePins(tablePins(options.stateDir, spec.name));
      this.#tables.start();
      for (const source of options.sources ?? [])
        this.#sources.push(new RunningSource(options, source));
      if (this.#tables.sessions.length > 0) {
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
    const kinds = this.#tables.sessions.flatMap((session) => session.kinds);
    const paths = targets.flatMap(({ program, path }) =>
      kinds.filter((kind) => kind.program === program).map((kind) => ({ kind, path })),
    );
    const sessionOf = (kind: TargetKind) =>
      this.#tables.sessions.find((s) => s.table === kind.table);
    const discovery = new Discovery({
      assetsDir,
      kinds,
      paths,
      log,
      onFound: (kind, executable) => {
        sessionOf(kind)?.attach(kind, executable);
        this.#loaded = true;
        if (this.#discovery) this.#publish(); // those of the first scan are published together
      },
      onGone: (executable) => {
        for (const session of this.#tables.sessions) session.release(executable);
      },
    });
    discovery.scan();
    return discovery;
  }

  /** Let go of binaries that nobody has or runs any more; show the others by a path that still works. */
  #tidy(discovery: Discovery): void {
    for (const session of this.#tables.sessions) {
      for (const executable of discovery.unused(session.executables)) session.release(executable);
      session.relocate((executable) => discovery.currentPath(executable));
    }
  }

  /**
   * A ring file that somebody removed is begun anew: readers would see nothing of what goes into it. Where the
   * whole state directory was removed, the lock is taken anew first.
   */
  #mend(): void {
    if (!this.#lock.isInPlace) {
      this.#tables.loseAll(`${this.#options.stateDir} was removed`);
      const lock = this.#takeLockAgain();
      if (!lock) return;
      this.#lock.release();
      this.#lock = lock;
    }
    if (!this.#tables.mend()) return;
    this.#publisher.withdraw(); // it may be gone, too
    this.#discovery?.close();
    this.#discovery = this.#discover(this.#options);
    this.#log('the ring files are begun anew');
  }

  #takeLockAgain(): CollectorLock | null {
    try {
      openStateDir(this.#options.stateDir);
      return CollectorLock.take(this.#options.stateDir);
    } catch {
      return null; // the next tick tries again; it was logged why nothing is captured
    }
  }

  /** Why nothing at all is captured, or null where something is. */
  get failure(): string | null {
    if (this.#tables.sessions.length > 0) return null;
    if (this.#sources.some(({ failure }) => failure === null)) return null;
    return this.#tables.failure ?? this.#sources[0]?.failure ?? null;
  }

  #tick(): void {
    this.#ticks++;
    this.#mend();
    const sweep = this.#ticks % TICKS_PER_SWEEP === 0;
    if (this.#discovery && this.#ticks % TICKS_PER_TIDY === 0) this.#tidy(this.#discovery);
    if (this.#loaded || this.#ticks % TICKS_PER_COLLECTION === 0) giveMemoryBack(this.#loaded);
    this.#loaded = false;
    for (const session of this.#tables.sessions) {
      session.updateLedger();
      if (sweep) session.sweep();
      if (this.#ticks % TICKS_PER_REMEMBERED === 0) session.forgetGone();
    }
    for (const source of this.#sources) source.tick(this.#lock.isInPlace);
    this.#publish();
  }

  #publish(): void {
    try {
      const states = this.#sources.flatMap((source) => source.states());
      this.#publisher.publish([...this.#tables.states(), ...states]);
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
    this.#tables.close();
    for (const source of this.#sources) source.close();
    this.#publisher.withdraw();
    this.#lock.release();
  }
}
