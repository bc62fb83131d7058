/**
 * The capture of one table: its BPF object, its probes, the kernel's ring buffer, the assembler, and the
 * ring file that the events end in. Owns all of it and closes all of it.
 */
import fs from 'node:fs';
import path from 'node:path';
import { bootToUnix } from '../../native/clock.ts';
import { LiveAuditError } from '../../native/errors.ts';
import { Counter } from '../../native/events.ts';
import { type Executable, installedExecutable } from '../../native/executables.ts';
import { KernelRing, type RecordSink, RingWaker } from '../../native/kernel-ring.ts';
import { BpfObject, lookupArray, possibleCpus } from '../../native/libbpf.ts';
import type { LedgerName } from '../ring/layout.ts';
import type { RingWriter } from '../ring/writer.ts';
import type { Assembler, Capture, Event, World } from './capture.ts';
import { ProbeManager } from './probe-manager.ts';
import type { ProbeState } from './probe-state.ts';

export interface SessionOptions {
  readonly capture: Capture;
  readonly writer: RingWriter;
  /** Where the BPF objects are. */
  readonly assetsDir: string;
  /** Bytes of the kernel's ring buffer: a power of two. */
  readonly kernelRingBytes: number;
  readonly maxText: number;
  readonly log: (line: string) => void;
  /** For recordings: sees each record of the kernel's ring buffer before the assembler. */
  readonly onRecord: RecordSink;
}

/** Which counter of the BPF side goes to which of the ledger. */
const LEDGER_OF_COUNTER: readonly (readonly [number, LedgerName])[] = [
  [Counter.SEEN, 'events_seen'],
  [Counter.LOST_RESERVE, 'lost_reserve'],
  [Counter.LOST_STATE, 'lost_state'],
];

export class CaptureSession {
  readonly #options: SessionOptions;
  readonly #object: BpfObject;
  readonly #ring: KernelRing;
  readonly #waker: RingWaker;
  readonly #probes: ProbeManager;
  readonly #assembler: Assembler;
  readonly #world: World & { bootToUnix: bigint };
  readonly #counted = new Map<number, number>();

  /**
   * Load, attach to what runs and what is installed, and begin to capture.
   * @throws LiveAuditError BPF, BPF_DENIED, LIBBPF where nothing can be captured at all
   */
  constructor(options: SessionOptions, running: readonly Executable[]) {
    const { capture, assetsDir, kernelRingBytes } = options;
    this.#options = options;
    const object = path.join(assetsDir, capture.object);
    if (!fs.existsSync(object))
      throw new LiveAuditError('BPF', `${object} is missing: it was not built (no clang)`);
    this.#object = new BpfObject(object, { events: kernelRingBytes });
    try {
      const events = this.#object.mapFd('events');
      this.#ring = new KernelRing(events, kernelRingBytes);
      const probes = new ProbeManager(this.#object);
      this.#probes = probes;
      this.#world = {
        target: (id) => probes.target(id),
        bootToUnix: bootToUnix(),
        maxText: options.maxText,
      };
      this.#assembler = capture.assembler(this.#world);
      for (const program of capture.tracepoints) this.#object.attach(program);
      this.#attachTargets(running);
      this.#waker = new RingWaker(events, () => this.drain());
    } catch (error) {
      this.#object.close();
      throw error;
    }
  }

  #attachTargets(running: readonly Executable[]): void {
    for (const kind of this.#options.capture.kinds) {
      for (const executable of running)
        if (kind.fileName.test(path.basename(executable.name)))
          this.#probes.attach(kind, executable);
      for (const installed of kind.paths) {
        const executable = installedExecutable(installed);
        if (executable) this.#probes.attach(kind, executable);
      }
    }
  }

  get table(): string {
    return this.#options.capture.spec.name;
  }

  /** Take what the kernel's ring buffer holds. */
  drain(): void {
    this.#world.bootToUnix = bootToUnix();
    const { onRecord } = this.#options;
    const records = this.#ring.drain((view, offset, length) => {
      onRecord(view, offset, length);
      const event = this.#assembler.accept(view, offset, length);
      if (event === 'unreadable') this.#options.writer.count('lost_decode');
      else if (event !== null) this.#store(event);
    });
    if (records > 0) this.updateLedger(); // or a reader would see more stored than seen
  }

  /** The one place where events are stored: what the ring file does not take is counted. */
  #store(event: Event): void {
    try {
      this.#options.writer.append(event);
    } catch (error) {
      this.#options.writer.count('lost_store');
      const reason = error instanceof LiveAuditError ? error.line : String(error);
      this.#options.log(`${this.table}: an event was not stored: ${reason}`);
    }
  }

  /** Bring the ledger up to what the BPF side has counted. */
  updateLedger(): void {
    const slots = new BigUint64Array(possibleCpus());
    for (const [counter, name] of LEDGER_OF_COUNTER) {
      lookupArray(this.#object.mapFd('counters'), counter, new Uint8Array(slots.buffer));
      const total = Number(slots.reduce((sum, n) => sum + n, 0n));
      const fresh = total - (this.#counted.get(counter) ?? 0);
      if (fresh > 0) this.#options.writer.count(name, fresh);
      this.#counted.set(counter, total);
    }
  }

  /** Close events of processes that are gone without a word: the record of their end was lost. */
  sweep(): void {
    for (const pid of [...this.#assembler.openPids])
      if (!fs.existsSync(`/proc/${pid}`)) this.#abandon(pid);
  }

  #abandon(pid: number): void {
    const event = this.#assembler.abandon(pid);
    if (event) this.#store(event);
  }

  probeStates(): ProbeState[] {
    return this.#probes.states(this.#world.bootToUnix);
  }

  /** Stop capturing; what is under way is stored as it stands. */
  close(): void {
    this.#waker.close();
    this.#object.detachAll();
    this.drain();
    this.updateLedger();
    for (const pid of [...this.#assembler.openPids]) this.#abandon(pid);
    this.#object.close();
    this.#ring.close();
  }
}
