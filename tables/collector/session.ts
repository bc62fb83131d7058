/**
 * The capture of one table: its BPF object, its probes, the kernel's ring buffer, the assembler, and the
 * ring file that the events end in. Owns all of it and closes all of it.
 *
 * Nothing is in this process alone: before the kernel gets the room of records back, the whole events are in
 * the ring file and what is not whole yet is in the checkpoint. With pins a collector that is killed at any
 * point is followed by one that goes on there: records that come again are known by their position.
 */
import fs from 'node:fs';
import path from 'node:path';
import { bootToUnix } from '../../native/clock.ts';
import { LiveAuditError } from '../../native/errors.ts';
import { Counter } from '../../native/events.ts';
import type { Executable } from '../../native/executables.ts';
import { KernelRing, type RecordSink, RingWaker } from '../../native/kernel-ring.ts';
import {
  BpfObject,
  lookupArray,
  mapValues,
  openPinnedMap,
  possibleCpus,
} from '../../native/libbpf.ts';
import type { Event } from '../event.ts';
import type { LedgerName } from '../ring/layout.ts';
import { unaccounted } from '../ring/ledger.ts';
import type { RingWriter } from '../ring/writer.ts';
import type { Assembler, Capture, World } from './capture.ts';
import { CheckpointFile } from './checkpoint.ts';
import { epochOf, Pins, pinnedVersions, removePins } from './pins.ts';
import { ProbeManager } from './probe-manager.ts';
import type { ProbeState } from './probe-state.ts';
import type { TargetKind } from './target-kind.ts';

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
  /** Longest JSON of bound parameters, bytes; 0: they are not captured. */
  readonly parameterBytes: number;
  readonly log: (line: string) => void;
  /** For recordings: sees each record of the kernel's ring buffer before the assembler. */
  readonly onRecord?: RecordSink | undefined;
}

/** Which counter of the BPF side is which of the ledger. */
const LEDGER_OF_COUNTER: readonly (readonly [number, LedgerName])[] = [
  [Counter.SEEN, 'events_seen'],
  [Counter.LOST_RESERVE, 'lost_reserve'],
  [Counter.LOST_STATE, 'lost_state'],
];

export class CaptureSession {
  readonly #options: SessionOptions;
  readonly #pins: Pins | null;
  readonly #object: BpfObject;
  readonly #ring: KernelRing;
  readonly #waker: RingWaker;
  readonly #probes: ProbeManager;
  readonly #assembler: Assembler;
  readonly #checkpoint: CheckpointFile;
  readonly #world: World & { bootToUnix: bigint };
  readonly #counterSlots = new BigUint64Array(possibleCpus());
  readonly #counterBytes = new Uint8Array(this.#counterSlots.buffer);
  /** Identifies the kernel's ring buffer: positions are of this one. */
  readonly #epoch: bigint;
  /** Records up to here are in the state that the checkpoint gave us. */
  #restored = 0;

  /**
   * Load or take over, and begin to capture.
   * @throws LiveAuditError BPF, BPF_DENIED, LIBBPF where nothing can be captured at all
   */
  constructor(options: SessionOptions) {
    const { capture, assetsDir, stateDir, keepCapture } = options;
    this.#options = options;
    const object = path.join(assetsDir, capture.object);
    if (!fs.existsSync(object))
      throw new LiveAuditError('BPF', `${object} is missing: it was not built (no clang)`);
    this.#pins = keepCapture ? new Pins(stateDir, capture.spec.name, object) : null;
    this.#object = this.#load(object);
    try {
      const events = this.#object.mapFd('events');
      this.#epoch = epochOf(events);
      this.#ring = new KernelRing(events, this.#object.mapEntries('events'));
      const { parameterBytes } = options;
      const wanted = new Set(parameterBytes > 0 ? ['parameters'] : []);
      const probes = new ProbeManager(this.#object, this.#pins, capture.kinds, wanted);
      this.#probes = probes;
      this.#world = {
        target: (id) => probes.target(id),
        bootToUnix: bootToUnix(),
        maxText: options.maxText,
        parameterBytes,
      };
      this.#assembler = capture.assembler(this.#world);
      this.#remember();
      this.#checkpoint = new CheckpointFile(stateDir, capture.spec.name);
      this.#resume();
      for (const program of capture.tracepoints) this.#attachTracepoint(program);
      this.#waker = new RingWaker(events, () => this.drain());
    } catch (error) {
      this.#object.close();
      throw error;
    }
  }

  #load(object: string): BpfObject {
    const sizes = { events: this.#options.kernelRingBytes };
    const pins = this.#pins;
    if (!pins) return loadObject(object, sizes, null);
    if (pins.epoch !== null && pins.epoch !== this.#options.writer.epoch) {
      // The ring file is a new one: what was counted and read so far is not in its ledger.
      this.#options.log(`${this.table}: pins of another ring file are replaced`);
      pins.clear();
    }
    try {
      return loadObject(object, sizes, pins.maps);
    } catch (error) {
      if (error instanceof LiveAuditError && error.code !== 'BPF') throw error;
      // Pins that do not fit: damaged, or of another ring size.
      this.#options.log(`${this.table}: pins are replaced: ${(error as Error).message}`);
      pins.clear();
      return loadObject(object, sizes, pins.maps);
    }
  }

  /** Tell the assembler what earlier collectors were told and it needs. */
  #remember(): void {
    const { remembered } = this.#options.capture;
    if (!remembered) return;
    const { map, valueSize } = remembered;
    for (const value of mapValues(this.#object.mapFd(map), valueSize))
      this.#assembler.accept(new DataView(value.buffer), 0, valueSize);
  }

  /** Go on where the last collector stopped, if the kernel's ring buffer is still the same. */
  #resume(): void {
    const { writer } = this.#options;
    this.#replaceOthers();
    const checkpoint = this.#checkpoint.read();
    if (writer.epoch === this.#epoch) {
      // One that is older than what the kernel has its room back of stands for "nothing was open".
      if (checkpoint?.epoch === this.#epoch && checkpoint.position >= this.#ring.released) {
        this.#assembler.restore(checkpoint.state);
        this.#restored = checkpoint.position;
      }
      return;
    }
    // What an earlier collector had seen and not stored is lost with its ring buffer.
    const missing = unaccounted(writer.ledger());
    if (missing > 0) writer.count('lost_incomplete', missing);
    if (missing < 0) writer.count('events_seen', -missing);
    writer.beginEpoch(this.#epoch);
  }

  /**
   * Pins that we do not go on with (of another version, or all where keep_capture is off) go; what they had
   * counted goes into the ledger, where it then is lost.
   */
  #replaceOthers(): void {
    for (const other of pinnedVersions(this.#options.stateDir, this.table)) {
      if (this.#pins?.isOurs(other)) continue;
      const events = openPinnedMap(path.join(other, 'maps/events'));
      const counters = openPinnedMap(path.join(other, 'maps/counters'));
      if (events !== null && counters !== null) {
        if (this.#options.writer.epoch === epochOf(events)) this.#readCounters(counters);
      }
      for (const fd of [events, counters]) if (fd !== null) fs.closeSync(fd);
      removePins(other);
      this.#options.log(`${this.table}: pins of an earlier collector were removed`);
    }
  }

  #attachTracepoint(program: string): void {
    const pin = this.#pins?.linkPath(`tracepoint-${program}`);
    if (pin !== undefined && fs.existsSync(pin)) this.#object.adopt(pin);
    else {
      const link = this.#object.attach(program);
      if (pin !== undefined) link.pin(pin);
    }
  }

  get table(): string {
    return this.#options.capture.spec.name;
  }

  get kinds(): readonly TargetKind[] {
    return this.#options.capture.kinds;
  }

  /** The binaries that are attached. */
  get attached(): Executable[] {
    return this.#probes.attached;
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
    // A collector before us stored it, and was killed before the kernel had its room back.
    if (end <= this.#options.writer.lastSource) return;
    if (event === 'unreadable') this.#options.writer.count('lost_decode');
    else this.#store(event, end);
  }

  /** Make sure that nothing of what was read is in our memory alone, then give the room back. */
  #settle(): void {
    const { position } = this.#ring;
    if (position === this.#ring.released) return;
    this.updateLedger(); // first, or a reader would see more stored than seen
    this.#options.writer.publish();
    this.#assembler.detach?.();
    if (this.#pins && this.#assembler.isOpen) this.#save();
    this.#ring.release();
  }

  #save(): void {
    const state = this.#assembler.save();
    try {
      this.#checkpoint.write({ epoch: this.#epoch, position: this.#ring.position, state });
    } catch (error) {
      // Capture goes on; only a kill in this very state would cost what is open.
      this.#options.log(`${this.table}: no checkpoint: ${(error as Error).message}`);
    }
  }

  /** The one place where events are stored: what the ring file does not take is counted. */
  #store(event: Event, source: number): void {
    try {
      this.#options.writer.add(event, source);
    } catch (error) {
      this.#options.writer.count('lost_store');
      const reason = error instanceof LiveAuditError ? error.line : String(error);
      this.#options.log(`${this.table}: an event was not stored: ${reason}`);
    }
  }

  /** Bring the ledger up to what the BPF side has counted since the epoch began. */
  updateLedger(): void {
    this.#readCounters(this.#object.mapFd('counters'));
  }

  #readCounters(counters: number): void {
    for (const [counter, name] of LEDGER_OF_COUNTER) {
      lookupArray(counters, counter, this.#counterBytes);
      this.#options.writer.setTotal(name, Number(this.#counterSlots.reduce((a, b) => a + b, 0n)));
    }
  }

  /** Close events of processes that are gone without a word: the record of their end was lost. */
  sweep(): void {
    const gone = [...this.#assembler.openPids].filter((pid) => !fs.existsSync(`/proc/${pid}`));
    if (gone.length === 0) return;
    this.drain(); // the word may be in the ring buffer
    for (const pid of gone) this.#abandon(pid);
    this.#options.writer.publish();
    if (this.#pins) this.#save();
  }

  #abandon(pid: number): void {
    const event = this.#assembler.abandon(pid);
    if (event) this.#store(event, this.#ring.position);
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
    if (!this.#pins) for (const pid of [...this.#assembler.openPids]) this.#abandon(pid);
    this.#options.writer.publish();
    this.#checkpoint.close();
    this.#ring.close();
    if (this.#pins) this.#object.leave();
    else this.#object.close();
  }
}

/** The verifier gives up with EAGAIN when a signal comes: that says nothing of the object or its pins. */
const LOAD_TRIES = 5;

function loadObject(
  object: string,
  sizes: Readonly<Record<string, number>>,
  pinDirectory: string | null,
): BpfObject {
  for (let tries = 1; ; tries++) {
    try {
      return new BpfObject(object, sizes, pinDirectory);
    } catch (error) {
      if (tries === LOAD_TRIES || !/\bEAGAIN\b/.test((error as Error).message)) throw error;
    }
  }
}
