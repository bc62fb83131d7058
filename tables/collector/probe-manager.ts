/**
 * Attaches a BPF object's programs to target binaries and knows the state of each probe. A binary is known
 * by its inode; its symbols, not its name, decide whether it is what it seems to be. With pins, what an
 * earlier collector attached is taken over as it is.
 */
import fs from 'node:fs';
import { type Elf, fileOffset, findSymbols, probeAddress, withElf } from '../../native/elf.ts';
import { LiveAuditError } from '../../native/errors.ts';
import { cookie, ProbeStats, TargetLayout } from '../../native/events.ts';
import type { Executable } from '../../native/executables.ts';
import {
  type BpfLink,
  type BpfObject,
  lookupArray,
  possibleCpus,
  updateArray,
} from '../../native/libbpf.ts';
import type { Pins } from './pins.ts';
import { failTarget, type ProbeState, waitingProbe } from './probe-state.ts';
import type { ProbeSpec, Symbols, TargetKind } from './target-kind.ts';
import { decodeTarget, encodeTarget, type TargetRecord } from './target-record.ts';

interface Probe {
  readonly spec: ProbeSpec;
  readonly state: ProbeState;
  link: BpfLink | null;
}

interface Target {
  readonly kind: TargetKind;
  readonly executable: Executable;
  probes: readonly Probe[];
}

/** Refused binaries that are shown; beyond it they are only refused. */
const MAX_REFUSED = 256;

const oneLine = (error: unknown): string =>
  error instanceof LiveAuditError
    ? error.line
    : `${error instanceof Error ? error.message : error}`;

const linkName = (id: number, probe: ProbeSpec): string => `${id}-${probe.index}`;

export class ProbeManager {
  readonly #object: BpfObject;
  readonly #pins: Pins | null;
  readonly #targetsFd: number;
  readonly #statsFd: number;
  /** With a probe attached, by target number. */
  readonly #targets = new Map<number, Target>();
  /** With none: they are shown, and take no target number from those that come after. */
  readonly #refused: Target[] = [];
  /** Whether it gives events: by inode, or what was refused by inode and path. */
  readonly #known = new Map<string, boolean>();
  readonly #statsBuffer = new BigUint64Array((ProbeStats.size / 8) * possibleCpus());
  readonly #options: ReadonlySet<string>;
  #nextId = 0;

  /**
   * @param kinds of binaries that an earlier collector may have attached to
   * @param options probes to attach that only the config asks for
   */
  constructor(
    object: BpfObject,
    pins: Pins | null = null,
    kinds: readonly TargetKind[] = [],
    options: ReadonlySet<string> = new Set(),
  ) {
    this.#object = object;
    this.#pins = pins;
    this.#options = options;
    this.#targetsFd = object.mapFd('targets');
    this.#statsFd = object.mapFd('stats');
    if (pins) this.#adoptAll(pins, kinds);
  }

  /** The binary and the program behind a record's target number. */
  target(id: number): { program: string; path: string; file: string } | undefined {
    const target = this.#targets.get(id);
    if (!target) return undefined;
    const { path, name } = target.executable;
    return { program: target.kind.program, path: name, file: path };
  }

  /** The binaries that are attached. */
  get attached(): Executable[] {
    return [...this.#targets.values()].map((target) => target.executable);
  }

  /**
   * Attach to a binary, once. What fails is in the state of its probes; nothing is thrown.
   * @returns whether it gives events
   */
  attach(kind: TargetKind, executable: Executable): boolean {
    const { inode, path } = executable;
    // A probe keeps its inode alive; that of a refused file may be another file's by now.
    const refused = `${inode} ${path}`;
    const known = this.#known.get(inode) ?? this.#known.get(refused);
    if (known !== undefined) return known;
    const target = newTarget(kind, executable, this.#options);
    const attached = this.#tryAttach(target);
    const gives = target.probes.every(
      ({ spec, state }) => !spec.required || state.state === 'attached',
    );
    this.#known.set(attached ? inode : refused, gives);
    return gives;
  }

  /** Detach from a binary that nobody has or runs any more, and forget it. */
  release(inode: string): void {
    for (const [id, target] of this.#targets) {
      if (target.executable.inode !== inode) continue;
      this.#detach(id, target);
      this.#targets.delete(id);
      this.#known.delete(inode);
    }
  }

  /** Show each binary by a path that works now. */
  relocate(pathOf: (executable: Executable) => string | null): void {
    for (const { executable, probes } of this.#targets.values()) {
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
    const none = new Uint8Array(this.#statsBuffer.byteLength);
    for (const { spec } of target.probes)
      updateArray(this.#statsFd, id * TargetLayout.probes + spec.index, none);
  }

  #removePin(name: string): void {
    if (this.#pins) fs.rmSync(this.#pins.linkPath(name), { force: true });
  }

  /** @returns whether any probe is attached */
  #tryAttach(target: Target): boolean {
    const id = this.#freeId();
    if (id === null) {
      failTarget(target.probes, `no room: ${TargetLayout.max} binaries are attached already`);
    } else {
      try {
        withElf(target.executable.path, (elf) => this.#attachTo(id, target, elf));
      } catch (error) {
        failTarget(target.probes, oneLine(error));
      }
    }
    const attached = target.probes.some(({ state }) => state.state === 'attached');
    if (attached && id !== null) {
      this.#targets.set(id, target);
      this.#nextId = (id + 1) % TargetLayout.max;
    } else if (this.#refused.length < MAX_REFUSED) {
      this.#refused.push(target);
    }
    return attached;
  }

  /** Round robin, so that late records of a released binary are not taken for another's. */
  #freeId(): number | null {
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

    // Before the first link: whoever finds a link finds what it belongs to.
    updateArray(this.#targetsFd, id, encodeTarget(record));
    for (const probe of target.probes) this.#attachProbe(id, target, probe, record);
    noteUnknown(target, record);
    if (target.probes.every(({ link }) => link === null))
      updateArray(this.#targetsFd, id, Buffer.alloc(TargetLayout.size));
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
    const target = newTarget(kind, { inode, path, name }, this.#options);
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
        if (state.state === 'attached') this.#readStats(id, spec.index, state, bootToUnix);
        states.push({ ...state });
      }
    }
    for (const target of this.#refused) states.push(...target.probes.map(({ state }) => state));
    return states;
  }

  #readStats(id: number, probe: number, state: ProbeState, bootToUnix: bigint): void {
    const slots = this.#statsBuffer;
    lookupArray(this.#statsFd, id * TargetLayout.probes + probe, new Uint8Array(slots.buffer));
    let hits = 0n;
    let last = 0n;
    let lost = 0n;
    for (let at = 0; at < slots.length; at += ProbeStats.size / 8) {
      hits += slots[at + ProbeStats.hits / 8] ?? 0n;
      lost += slots[at + ProbeStats.lost / 8] ?? 0n;
      const time = slots[at + ProbeStats.last / 8] ?? 0n;
      if (time > last) last = time;
    }
    state.hits = Number(hits);
    state.lost = Number(lost);
    state.last_event_time = last > 0n ? Number((last + bootToUnix) / 1_000_000_000n) : null;
  }
}

function newTarget(kind: TargetKind, executable: Executable, options: ReadonlySet<string>): Target {
  const probes = kind.probes
    .filter(({ option }) => option === undefined || options.has(option))
    .map((spec) => ({ spec, state: waitingProbe(kind, executable, spec), link: null }));
  return { kind, executable, probes };
}

/** Take out the probes that stand in for what this binary has. */
function dropUnneeded(target: Target, record: TargetRecord): void {
  target.probes = target.probes.filter(
    ({ spec }) => spec.unless === undefined || record.probeVaddr[spec.index] !== 0,
  );
}

/** Where a binary has what the kind needs. @throws LiveAuditError ELF */
function readTarget({ kind, executable }: Target, elf: Elf): TargetRecord {
  const { probes, globals, program } = kind;
  const named = [
    ...probes.flatMap((p) => [p.symbol, p.unless ?? p.symbol]),
    ...(kind.symbols ?? []),
  ];
  const symbols = findSymbols(elf, new Set([...named, ...globals.map((g) => g.symbol)]));
  const probeVaddr = new Array<number>(TargetLayout.probes).fill(0);
  const probeOffset = new Array<number>(TargetLayout.probes).fill(0);
  const symbolVaddr = new Array<number>(TargetLayout.symbols).fill(0);
  for (const probe of probes) {
    const address = addressOf(probe, elf, symbols);
    probeVaddr[probe.index] = address?.vaddr ?? 0;
    probeOffset[probe.index] = address?.offset ?? 0;
  }
  for (const { index, symbol, locate } of globals)
    symbolVaddr[index] = symbols.get(symbol)?.vaddr ?? locate?.(elf, symbols) ?? 0;
  return { probeVaddr, probeOffset, symbolVaddr, program, buildId: elf.buildId, ...executable };
}

/** Where to probe; null where the binary has no such place, or needs none. */
function addressOf(
  { symbol, locate, unless }: ProbeSpec,
  elf: Elf,
  symbols: Symbols,
): { vaddr: number; offset: number } | null {
  if (unless !== undefined && symbols.get(unless)?.kind === 'function') return null;
  if (!locate) {
    const entry = symbols.get(symbol);
    return entry?.kind === 'function' ? probeAddress(elf, entry) : null;
  }
  const vaddr = locate(elf, symbols);
  const offset = vaddr === null ? null : fileOffset(elf, vaddr);
  return vaddr === null || offset === null ? null : { vaddr, offset };
}

/** Say at each probe what the binary does not let us know. */
function noteUnknown({ kind, probes }: Target, record: TargetRecord): void {
  const unknown = kind.globals.filter((global) => record.symbolVaddr[global.index] === 0);
  if (unknown.length === 0) return;
  for (const { state } of probes)
    state.last_error ??= unknown.map((g) => `no ${g.symbol}: without ${g.gives}`).join('; ');
}
