/**
 * Attaches a BPF object's programs to target binaries and knows the state of each probe. A binary is known
 * by its inode; its symbols, not its name, decide whether it is what it seems to be. With pins, what an
 * earlier collector attached is taken over as it is.
 */
import fs from 'node:fs';

import { lookupArray, updateArray } from '../../native/bpf-map.ts';
import { type Elf, withElf } from '../../native/elf.ts';

import { LiveAuditError } from '../../native/errors.ts';
import { cookie, TargetLayout } from '../../native/events.ts';
import type { Executable } from '../../native/executables.ts';
import type { BpfObject } from '../../native/libbpf.ts';
import type { Pins } from './pins.ts';

import { ProbeCounts } from './probe-counts.ts';
import { failTarget, type ProbeState, waitForRoom } from './probe-state.ts';
import {
  dropUnneeded,
  type NamedTarget,
  newTarget,
  noteUnknown,
  type Probe,
  readTarget,
  type Target,
} from './probe-target.ts';
import { type ConfiguredTarget, placesId, placesOf } from './symbol-places.ts';
import type { ProbeSpec, TargetKind } from './target-kind.ts';
import { decodeTarget, encodeTarget, type TargetRecord } from './target-record.ts';

/** Binaries that are shown without being attached, of each kind. */
const MAX_SHOWN = 256;

const refusedKey = ({ inode, path }: Executable): string => `${inode} ${path}`;

const oneLine = (error: unknown): string =>
  error instanceof LiveAuditError
    ? error.line
    : `${error instanceof Error ? error.message : error}`;

const linkName = (id: number, probe: ProbeSpec): string => `${id}-${probe.index}`;

export interface ProbeSettings {
  readonly pins?: Pins | null;
  /** Of the binaries that an earlier collector may have attached to. */
  readonly kinds?: readonly TargetKind[];
  /** Probes to attach that only the config asks for. */
  readonly options?: ReadonlySet<string>;
  /** What the config says of the symbols of single files. */
  readonly configured?: readonly ConfiguredTarget[];
  /** How many binaries are attached at most. */
  readonly limit?: number;
}

export class ProbeManager {
  readonly #object: BpfObject;
  readonly #pins: Pins | null;
  readonly #targetsFd: number;
  readonly #counts: ProbeCounts;
  /** With a probe attached, by target number. */
  readonly #targets = new Map<number, Target>();
  /** With none: they are shown, and take no target number from those that come after. */
  #refused: Target[] = [];
  /** Those that come when there is a target number for them. */
  #waiting: Target[] = [];
  /** Whether it gives events: by inode, or what was refused by inode and path. */
  readonly #known = new Map<string, boolean>();
  readonly #options: ReadonlySet<string>;
  readonly #limit: number;
  readonly #configured: readonly ConfiguredTarget[];
  #nextId = 0;

  constructor(object: BpfObject, settings: ProbeSettings = {}) {
    const { pins = null, kinds = [], options = new Set(), limit = TargetLayout.max } = settings;
    this.#object = object;
    this.#pins = pins;
    this.#options = options;
    this.#limit = limit;
    this.#configured = settings.configured ?? [];
    this.#targetsFd = object.mapFd('targets');
    this.#counts = new ProbeCounts(object.mapFd('stats'));
    if (pins) this.#adoptAll(pins, kinds);
  }

  /** The binary and the program behind a record's target number. */
  target(id: number): NamedTarget | undefined {
    return this.#targets.get(id)?.named;
  }

  /** All binaries that are shown. */
  get executables(): Executable[] {
    return this.#all().map(({ executable }) => executable);
  }

  #all(): Target[] {
    return [...this.#targets.values(), ...this.#refused, ...this.#waiting];
  }

  /**
   * Attach to a binary, once. What fails is in the state of its probes; nothing is thrown.
   * @returns whether it gives events
   */
  attach(kind: TargetKind, executable: Executable): boolean {
    // A probe keeps its inode alive; that of a refused file may be another file's by now.
    const known = this.#known.get(executable.inode) ?? this.#known.get(refusedKey(executable));
    return known ?? this.#attachNew(this.#newTarget(kind, executable));
  }

  #newTarget(kind: TargetKind, executable: Executable): Target {
    const places = placesOf(this.#configured, kind.program, executable);
    return newTarget(kind, executable, this.#options, places);
  }

  #attachNew(target: Target): boolean {
    const { executable, probes } = target;
    const id = this.#freeId();
    const attached = id !== null && this.#tryAttach(id, target);
    const gives = probes.every(({ spec, state }) => !spec.required || state.state === 'attached');
    if (id === null) {
      waitForRoom(probes, `no room: ${this.#limit} binaries are attached already`);
      if (this.#waiting.length < MAX_SHOWN) this.#waiting.push(target);
    } else if (!attached && this.#refused.length < MAX_SHOWN) this.#refused.push(target);
    this.#known.set(attached ? executable.inode : refusedKey(executable), gives);
    return gives;
  }

  /** Detach from a binary that nobody has or runs any more, and forget it. */
  release(inode: string): void {
    const others = ({ executable }: Target) => executable.inode !== inode;
    for (const [id, target] of this.#targets) {
      if (others(target)) continue;
      this.#detach(id, target);
      this.#targets.delete(id);
    }
    this.#refused = this.#refused.filter(others);
    this.#waiting = this.#waiting.filter(others);
    for (const key of this.#known.keys())
      if (key === inode || key.startsWith(`${inode} `)) this.#known.delete(key);
    while (this.#freeId() !== null) {
      const next = this.#waiting.shift();
      if (!next) return;
      this.#known.delete(refusedKey(next.executable));
      this.#attachNew(this.#newTarget(next.kind, next.executable));
    }
  }

  /** Show each binary by a path that works now. */
  relocate(pathOf: (executable: Executable) => string | null): void {
    for (const { executable, probes } of this.#all()) {
      const path = pathOf(executable);
      if (path !== null) for (const { state } of probes) state.target = path;
    }
  }

  #detach(id: number, target: Target): void {
    for (const { spec, link } of target.probes) {
      this.#removePin(linkName(id, spec));
      if (link) this.#object.detach(link);
    }
    updateArray(this.#targetsFd, id, Buffer.alloc(TargetLayout.size));
    for (const { spec } of target.probes) this.#counts.clear(id, spec.index);
  }

  #removePin(name: string): void {
    if (this.#pins) fs.rmSync(this.#pins.linkPath(name), { force: true });
  }

  /** @returns whether any probe is attached */
  #tryAttach(id: number, target: Target): boolean {
    try {
      withElf(target.executable.path, (elf) => this.#attachTo(id, target, elf));
    } catch (error) {
      failTarget(target.probes, oneLine(error));
    }
    if (!target.probes.some(({ state }) => state.state === 'attached')) return false;
    this.#targets.set(id, target);
    this.#nextId = (id + 1) % TargetLayout.max;
    return true;
  }

  /** Round robin, so that late records of a released binary are not taken for another's. */
  #freeId(): number | null {
    if (this.#targets.size >= this.#limit) return null;
    for (let tried = 0; tried < TargetLayout.max; tried++) {
      const id = (this.#nextId + tried) % TargetLayout.max;
      if (!this.#targets.has(id)) return id;
    }
    return null;
  }

  #attachTo(id: number, target: Target, elf: Elf): void {
    const record = readTarget(target, elf);
    dropUnneeded(target, record);
    for (const { state } of target.probes) state.build_id = elf.buildId;
    const missing = target.probes.find(
      ({ spec }) => spec.required && record.probeVaddr[spec.index] === 0,
    );
    if (missing)
      throw new LiveAuditError('NO_SYMBOL', `${target.executable.path}: no ${missing.spec.symbol}`);

    this.#loadPrograms(target, record);
    // Before the first link: whoever finds a link finds what it belongs to.
    updateArray(this.#targetsFd, id, encodeTarget(record));
    for (const probe of target.probes) this.#attachProbe(id, target, probe, record);
    noteUnknown(target, record);
    if (target.probes.every(({ link }) => link === null))
      updateArray(this.#targetsFd, id, Buffer.alloc(TargetLayout.size));
  }

  /** All that the binary needs at once; where the kernel refuses one, each is tried when it is attached. */
  #loadPrograms({ probes }: Target, { probeVaddr }: TargetRecord): void {
    const needed = probes.filter(({ spec }) => probeVaddr[spec.index] !== 0);
    try {
      this.#object.loadPrograms(needed.map(({ spec }) => spec.program));
    } catch {
      // The one that is refused says so at its probe.
    }
  }

  #attachProbe(id: number, target: Target, probe: Probe, record: TargetRecord): void {
    const { spec, state } = probe;
    const { path } = target.executable;
    try {
      if (record.probeVaddr[spec.index] === 0)
        throw new LiveAuditError('NO_SYMBOL', `${path}: no ${spec.symbol}`);
      const offset = record.probeOffset[spec.index] ?? 0;
      state.offset = offset;
      const at = { path, offset, retprobe: spec.retprobe, cookie: cookie(id, spec.index) };
      const link = this.#object.attachUprobe(spec.program, at);
      if (this.#pins) link.pin(this.#pins.linkPath(linkName(id, spec)));
      probe.link = link;
      state.state = 'attached';
    } catch (error) {
      state.state = 'failed';
      state.last_error = oneLine(error);
    }
  }

  /** Take over what is pinned; what makes no sense is detached, and found anew. */
  #adoptAll(pins: Pins, kinds: readonly TargetKind[]): void {
    const names = new Set(pins.linkNames());
    const bytes = Buffer.alloc(TargetLayout.size);
    for (let id = 0; id < TargetLayout.max; id++) {
      lookupArray(this.#targetsFd, id, bytes);
      const record = decodeTarget(bytes);
      const kind = record && kinds.find(({ program }) => program === record.program);
      if (!record) continue;
      if (kind && this.#adopt(id, kind, record, names)) this.#nextId = (id + 1) % TargetLayout.max;
      else updateArray(this.#targetsFd, id, Buffer.alloc(TargetLayout.size));
    }
    for (const name of names) if (/^\d+-\d+$/.test(name)) this.#removePin(name);
  }

  /** @param names of pinned links: those that are taken over are taken out */
  #adopt(id: number, kind: TargetKind, record: TargetRecord, names: Set<string>): boolean {
    const { inode, path, name } = record;
    const target = this.#newTarget(kind, { inode, path, name });
    if (placesId(target.places) !== record.places) return false; // it is attached elsewhere
    dropUnneeded(target, record);
    for (const probe of target.probes) {
      const pinned = linkName(id, probe.spec);
      probe.state.build_id = record.buildId;
      probe.state.offset = record.probeOffset[probe.spec.index] ?? null;
      try {
        if (names.has(pinned)) {
          probe.link = this.#object.adopt(this.#pins?.linkPath(pinned) ?? '');
          probe.state.state = 'attached';
          names.delete(pinned);
        } else this.#attachProbe(id, target, probe, record); // it was killed while it attached
      } catch (error) {
        probe.state.state = 'failed';
        probe.state.last_error = oneLine(error);
      }
    }
    noteUnknown(target, record);
    if (target.probes.every(({ link }) => link === null)) return false;
    this.#targets.set(id, target);
    this.#known.set(inode, true);
    return true;
  }

  /**
   * The state of every probe, with its hits up to now.
   * @param bootToUnix ns to add to CLOCK_BOOTTIME
   */
  states(bootToUnix: bigint): ProbeState[] {
    const states: ProbeState[] = [];
    for (const [id, target] of this.#targets) {
      for (const { spec, state } of target.probes) {
        if (state.state === 'attached') this.#counts.read(id, spec.index, bootToUnix, state);
        states.push({ ...state });
      }
    }
    for (const { probes } of [...this.#refused, ...this.#waiting])
      states.push(...probes.map(({ state }) => state));
    return states;
  }
}
