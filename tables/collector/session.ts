/**
 * The capture of one table: its BPF object, its probes, the kernel's ring buffer, the assembler, and the
 * ring file that the events end in. Owns all of it and closes all of it.
 *
 * Nothing is in this process alone: before the kernel gets the room of records back, the whole events are in
 * the ring file and what is not whole yet is in the checkpoint. With pins a collector that is killed at any
 * point is followed by one that goes on there: records that come again are known by their position.
 */
import fs from 'node:fs';
import { bpfObjectPath } from '../../native/assets.ts';
import { updateArray } from '../../native/bpf-map.ts';
import { bootToUnix } from '../../native/clock.ts';
import { LiveAuditError } from '../../native/errors.ts';
import type { Executable } from '../../native/executables.ts';
import { KernelRing, type RecordSink, RingWaker } from '../../native/kernel-ring.ts';
import type { BpfObject } from '../../native/libbpf.ts';
import { RingPace } from '../../native/ring-pace.ts';
import type { Event } from '../event.ts';
import { guardedRedactor, type Redaction, textWithheld } from '../redact/guarded.ts';
import type { Redactor } from '../redact/redactor.ts';
import { unaccounted } from '../ring/ledger.ts';
import type { RingWriter } from '../ring/writer.ts';
import type { Assembler, Capture, CaptureSettings, World } from './capture.ts';
import { CheckpointFile } from './checkpoint.ts';
import { KernelCounters } from './kernel-counters.ts';
import { Losses } from './losses.ts';
import { OpenEvents } from './open-events.ts';
import { epochOf, Pins } from './pins.ts';
import { ProbeManager } from './probe-manager.ts';
import type { ProbeState } from './probe-state.ts';
import { rememberedRecords } from './remembered.ts';
import type { ConfiguredTarget } from './symbol-places.ts';
import { loadOverPins, removeOthers, type TakeOver } from './take-over.ts';
import type { TargetKind } from './target-kind.ts';
import { Trouble } from './trouble.ts';

export interface SessionOptions {
  readonly capture: Capture;
  readonly writer: RingWriter;
  readonly stateDir: string;
  /** Where the BPF objects are. */
  readonly assetsDir: string;
  /** Pin everything, so that capture goes on without us. */
  readonly keepCapture: boolean;
  /** Bytes of the kernel's ring buffer: a power of two. */
  readonly kernelRingBytes: number;
  readonly maxText: number;
  /** null: texts are stored with their secrets. */
  readonly redaction: Redaction | null;
  /** Longest JSON of bound parameters, bytes; 0: they are not captured. */
  readonly parameterBytes: number;
  readonly settings?: CaptureSettings | undefined;
  /** What the config says of single binaries. */
  readonly targets: readonly ConfiguredTarget[];
  readonly log: (line: string) => void;
  /** For recordings: sees each record of the kernel's ring buffer before the assembler. */
  readonly onRecord?: RecordSink | undefined;
}

const NO_SETTINGS: CaptureSettings = { maps: {}, options: [] };

export class CaptureSession {
  readonly #options: SessionOptions;
  readonly #pins: Pins | null;
  readonly #object: BpfObject;
  readonly #ring: KernelRing;
  readonly #waker: RingWaker;
  readonly #probes: ProbeManager;
  readonly #assembler: Assembler;
  readonly #checkpoint: CheckpointFile;
  readonly #open: OpenEvents;
  readonly #losses: Losses;
  readonly #counters = new KernelCounters();
  readonly #countersFd: number;
  readonly #world: World & { bootToUnix: bigint };
  readonly #refused: Trouble;
  /** Identifies the kernel's ring buffer: positions are of this one. */
  readonly #epoch: bigint;
  /** Records up to here are in the state that the checkpoint gave us. */
  #restored = 0;

  /**
   * Load or take over, and begin to capture.
   * @throws LiveAuditError BPF, BPF_DENIED, LIBBPF where nothing can be captured at all
   */
  constructor(options: SessionOptions) {
    const { capture, assetsDir, stateDir, keepCapture, writer } = options;
    this.#options = options;
    const object = bpfObjectPath(assetsDir, capture.object);
    const log = (line: string) => options.log(`${this.table}: ${line}`);
    this.#pins = keepCapture ? new Pins(stateDir, capture.spec.name, object) : null;
    const takeOver: TakeOver = {
      ...{ object, writer, log, pins: this.#pins, counters: this.#counters },
      sizes: { events: options.kernelRingBytes },
    };
    this.#object = loadOverPins(takeOver);
    try {
      removeOthers(stateDir, this.table, takeOver);
      const events = this.#object.mapFd('events');
      this.#countersFd = this.#object.mapFd('counters');
      this.#epoch = epochOf(events);
      const ringBytes = this.#object.mapEntries('events');
      this.#ring = new KernelRing(events, ringBytes);
      const { parameterBytes, settings = NO_SETTINGS } = options;
      this.#configure(settings.maps);
      const wanted = new Set([...settings.options, ...(parameterBytes > 0 ? ['parameters'] : [])]);
      const probes = new ProbeManager(this.#object, {
        ...{ pins: this.#pins, kinds: capture.kinds, options: wanted },
        configured: options.targets,
      });
      this.#probes = probes;
      this.#world = {
        target: (id) => probes.target(id),
        bootToUnix: bootToUnix(),
        maxText: options.maxText,
        parameterBytes,
        redactor: this.#redactor(log),
      };
      this.#assembler = capture.assembler(this.#world);
      this.#remember();
      this.#checkpoint = new CheckpointFile(stateDir, this.table);
      const file = this.#pins && this.#checkpoint;
      const trouble = new Trouble(log);
      this.#open = new OpenEvents({ assembler: this.#assembler, writer, file, trouble });
      this.#losses = new Losses(stateDir, this.table, writer);
      this.#refused = new Trouble(log);
      this.#resume();
      this.#attachTracepoints(capture.tracepoints);
      const pace = new RingPace(ringBytes);
      this.#waker = new RingWaker(events, () => {
        const from = this.#ring.position;
        this.drain();
        return pace.after(this.#ring.position - from);
      });
      this.drain(); // at once: a collector that is killed again soon must not leave the ring full
    } catch (error) {
      this.#object.close();
      throw error;
    }
  }

  /** What it cannot tell the secrets of is not stored, and counted. */
  #redactor(log: (line: string) => void): Redactor | undefined {
    const { redaction, capture, writer } = this.#options;
    const trouble = new Trouble(log);
    if (redaction === null) return undefined;
    return guardedRedactor(capture.dialect, redaction, (error) => {
      writer.count('lost_redaction', 1);
      trouble.tell(textWithheld(error));
    });
  }

  /** Tell the BPF side what the config says. */
  #configure(maps: CaptureSettings['maps']): void {
    for (const [map, value] of Object.entries(maps)) updateArray(this.#object.mapFd(map), 0, value);
  }

  /** Tell the assembler what earlier collectors were told and it needs. */
  #remember(): void {
    for (const view of this.#remembered()) this.#assembler.accept(view, 0, view.byteLength);
  }

  #remembered(): DataView[] {
    const { remembered } = this.#options.capture;
    if (!remembered) return [];
    return rememberedRecords(this.#object.mapFd(remembered.map), remembered.valueSize);
  }

  /** Give up what is kept of processes that are gone. */
  forgetGone(): void {
    this.#remembered();
  }

  /** Go on where the last collector stopped, if the kernel's ring buffer is still the same. */
  #resume(): void {
    const { writer } = this.#options;
    if (writer.epoch !== this.#epoch) {
      if (writer.epoch !== 0n) this.#endEpoch();
      writer.beginEpoch(this.#epoch);
    }
    this.#losses.resume(this.#epoch);
    this.#restored = this.#open.resume(this.#epoch, this.#ring.released);
  }

  /** The kernel's ring buffer of the last collector is gone, and what was in it is lost. */
  #endEpoch(): void {
    const { writer } = this.#options;
    this.#losses.resume(writer.epoch);
    this.#open.closeThoseOf(writer.epoch, (event, source) => this.#store(event, source));
    const missing = unaccounted(writer.ledger());
    if (missing > 0) writer.count('lost_incomplete', missing);
    if (missing < 0) writer.count('events_seen', -missing);
  }

  #attachTracepoints(programs: readonly string[]): void {
    const pinned = (program: string) => this.#pins?.linkPath(`tracepoint-${program}`);
    const isPinned = (program: string) => fs.existsSync(pinned(program) ?? '');
    const missing = programs.filter((program) => !isPinned(program));
    this.#object.loadPrograms(missing); // together: each time takes libbpf 20 ms
    for (const program of programs) {
      const pin = pinned(program);
      if (!missing.includes(program)) this.#object.adopt(pin ?? '');
      else {
        const link = this.#object.attachTracepoint(program);
        if (pin !== undefined) link.pin(pin);
      }
    }
  }

  get table(): string {
    return this.#options.capture.spec.name;
  }

  get kinds(): readonly TargetKind[] {
    return this.#options.capture.kinds;
  }

  /** The binaries that probes are attached to, or would be. */
  get executables(): Executable[] {
    return this.#probes.executables;
  }

  attach(kind: TargetKind, executable: Executable): void {
    this.#probes.attach(kind, executable);
  }

  release(executable: Executable): void {
    this.drain(); // its records name it by number
    this.#probes.release(executable.inode);
  }

  /** Show each binary by a path that works now. */
  relocate(pathOf: (executable: Executable) => string | null): void {
    this.#probes.relocate(pathOf);
  }

  /** Take what the kernel's ring buffer holds. */
  drain(): void {
    this.#world.bootToUnix = bootToUnix();
    for (let from = -1; from !== this.#ring.position; ) {
      from = this.#ring.position;
      this.#ring.drain((view, offset, length, end) => this.#accept(view, offset, length, end));
      this.#settle();
    }
  }

  #accept(view: DataView, offset: number, length: number, end: number): void {
    if (end <= this.#restored) return;
    this.#options.onRecord?.(view, offset, length, end);
    const event = this.#assembler.accept(view, offset, length);
    if (event === null) return;
    // A collector before us stored it or counted it as lost, and was killed before the kernel had its room back.
    if (end <= this.#options.writer.lastSource || end <= this.#losses.position) return;
    if (event === 'unreadable') this.#losses.count('lost_decode', end);
    else this.#store(event, end);
  }

  /** Make sure that nothing of what was read is in our memory alone, then give the room back. */
  #settle(): void {
    const { position } = this.#ring;
    if (position === this.#ring.released) return;
    this.updateLedger(); // first, or a reader would see more stored than seen
    this.#options.writer.publish();
    this.#assembler.detach?.();
    if (this.#open.isAny) this.#open.save(this.#epoch, position);
    this.#ring.release();
  }

  /**
   * The one place where events are stored: what the ring file does not take is counted.
   * @returns whether it took it
   */
  #store(event: Event, source: number): boolean {
    try {
      this.#options.writer.add(event, source);
    } catch (error) {
      this.#losses.count('lost_store', source);
      const reason = error instanceof LiveAuditError ? error.line : String(error);
      this.#refused.tell(`events are not stored, and counted as lost_store: ${reason}`);
      return false;
    }
    return true;
  }

  /** Bring the ledger up to what the BPF side has counted since the epoch began. */
  updateLedger(): void {
    this.#counters.read(this.#countersFd, this.#options.writer);
  }

  /** Close events of processes that are gone without a word: the record of their end was lost. */
  sweep(): void {
    const { current } = this.#options.settings ?? NO_SETTINGS;
    if (current) this.#configure(current());
    this.#refused.overIfQuiet((times) => `events are stored again; ${times} were not`);
    const gone = [...this.#open.pids].filter((pid) => !fs.existsSync(`/proc/${pid}`));
    if (gone.length === 0) return;
    this.drain(); // the word may be in the ring buffer
    const open = new Set(this.#open.pids);
    this.#closeOpen(gone.filter((pid) => open.has(pid)));
  }

  #closeOpen(pids: readonly number[]): void {
    const at = { epoch: this.#epoch, position: this.#ring.position };
    this.#open.close(pids, at, (event, source) => this.#store(event, source));
  }

  probeStates(): ProbeState[] {
    return this.#probes.states(this.#world.bootToUnix);
  }

  /** Leave: with pins capture goes on in the kernel; else what is under way is stored as it stands. */
  close(): void {
    this.#waker.close();
    if (!this.#pins) this.#object.detachAll();
    this.drain();
    this.updateLedger();
    if (!this.#pins) this.#closeOpen([...this.#open.pids]);
    this.#checkpoint.close();
    this.#losses.close();
    this.#ring.close();
    this.#object.close();
  }
}
