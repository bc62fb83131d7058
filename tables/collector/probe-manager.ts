/**
 * Attaches a BPF object's programs to target binaries and knows the state of each probe. A binary is known
 * by its inode; its symbols, not its name, decide whether it is what it seems to be.
 */

import { type Elf, findSymbols, probeAddress, withElf } from '../../native/elf.ts';
import { LiveAuditError } from '../../native/errors.ts';
import { cookie, ProbeStats, TargetLayout } from '../../native/events.ts';
import type { Executable } from '../../native/executables.ts';
import { type BpfObject, lookupArray, possibleCpus, updateArray } from '../../native/libbpf.ts';
import type { ProbeState } from './probe-state.ts';
import type { ProbeSpec, TargetKind } from './target-kind.ts';

interface Target {
  readonly kind: TargetKind;
  readonly executable: Executable;
  readonly probes: { readonly spec: ProbeSpec; readonly state: ProbeState }[];
}

interface Address {
  readonly vaddr: number;
  readonly offset: number;
}

/** Anyone can name files like a shell: more of them are not shown. */
const MAX_REFUSED = 256;

const oneLine = (error: unknown): string =>
  error instanceof LiveAuditError
    ? error.line
    : `${error instanceof Error ? error.message : error}`;

export class ProbeManager {
  readonly #object: BpfObject;
  readonly #targetsFd: number;
  readonly #statsFd: number;
  /** With a probe attached, by target number. */
  readonly #targets: Target[] = [];
  /** With none: they are shown, and take no target number from those that come after. */
  readonly #refused: Target[] = [];
  /** Whether it gives events: by inode, or what was refused by inode and path. */
  readonly #known = new Map<string, boolean>();
  readonly #statsBuffer = new BigUint64Array((ProbeStats.size / 8) * possibleCpus());

  constructor(object: BpfObject) {
    this.#object = object;
    this.#targetsFd = object.mapFd('targets');
    this.#statsFd = object.mapFd('stats');
  }

  /** The binary and the program behind a record's target number. */
  target(id: number): { program: string; path: string } | undefined {
    const target = this.#targets[id];
    return target && { program: target.kind.program, path: target.executable.name };
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
    const probes = kind.probes.map((spec) => ({ spec, state: waiting(kind, executable, spec) }));
    const target = { kind, executable, probes };
    const attached = this.#tryAttach(target);
    const gives = probes.every(({ spec, state }) => !spec.required || state.state === 'attached');
    this.#known.set(attached ? inode : refused, gives);
    return gives;
  }

  /** @returns whether any probe is attached */
  #tryAttach(target: Target): boolean {
    const id = this.#targets.length;
    if (id >= TargetLayout.max) {
      fail(target, `no room: ${TargetLayout.max} binaries are attached already`);
    } else {
      try {
        withElf(target.executable.path, (elf) => this.#attachTo(id, target, elf));
      } catch (error) {
        fail(target, oneLine(error));
      }
    }
    const attached = target.probes.some(({ state }) => state.state === 'attached');
    if (attached) this.#targets.push(target);
    else if (this.#refused.length < MAX_REFUSED) this.#refused.push(target);
    return attached;
  }

  #attachTo(id: number, target: Target, elf: Elf): void {
    const { probes, globals } = target.kind;
    const names = [...probes.map((p) => p.symbol), ...globals.map((g) => g.symbol)];
    const symbols = findSymbols(elf, new Set(names));
    const addresses = new Map<string, Address>();
    for (const symbol of symbols.values())
      if (symbol.kind === 'function') addresses.set(symbol.name, probeAddress(elf, symbol));
    for (const { state } of target.probes) state.build_id = elf.buildId;

    const missing = target.probes.find(({ spec }) => spec.required && !addresses.has(spec.symbol));
    if (missing)
      throw new LiveAuditError('NO_SYMBOL', `${target.executable.path}: no ${missing.spec.symbol}`);

    const words = new BigUint64Array(TargetLayout.size / 8);
    for (const probe of probes)
      words[probe.index] = BigInt(addresses.get(probe.symbol)?.vaddr ?? 0);
    for (const global of globals)
      words[TargetLayout.probes + global.index] = BigInt(symbols.get(global.symbol)?.vaddr ?? 0);
    updateArray(this.#targetsFd, id, new Uint8Array(words.buffer));

    const unknown = globals.filter((global) => !symbols.has(global.symbol));
    for (const { spec, state } of target.probes)
      this.#attachProbe(id, target, spec, state, addresses.get(spec.symbol));
    for (const { state } of target.probes)
      if (unknown.length > 0 && state.last_error === null)
        state.last_error = unknown.map((g) => `no ${g.symbol}: without ${g.gives}`).join('; ');
  }

  #attachProbe(
    id: number,
    target: Target,
    spec: ProbeSpec,
    state: ProbeState,
    address: Address | undefined,
  ): void {
    try {
      if (!address)
        throw new LiveAuditError('NO_SYMBOL', `${target.executable.path}: no ${spec.symbol}`);
      state.offset = address.offset;
      const { path } = target.executable;
      const { retprobe } = spec;
      const { offset } = address;
      this.#object.attachUprobe(spec.program, {
        path,
        offset,
        retprobe,
        cookie: cookie(id, spec.index),
      });
      state.state = 'attached';
    } catch (error) {
      state.state = 'failed';
      state.last_error = oneLine(error);
    }
  }

  /**
   * The state of every probe, with its hits up to now.
   * @param bootToUnix ns to add to CLOCK_BOOTTIME
   */
  states(bootToUnix: bigint): ProbeState[] {
    const states: ProbeState[] = [];
    for (const [id, target] of this.#targets.entries()) {
      for (const { spec, state } of target.probes) {
        if (state.state === 'attached') this.#readStats(id, spec.index, state, bootToUnix);
        states.push({ ...state });
      }
    }
    for (const { probes } of this.#refused)
      for (const { state } of probes) states.push({ ...state });
    return states;
  }

  #readStats(id: number, probe: number, state: ProbeState, bootToUnix: bigint): void {
    const slots = this.#statsBuffer;
    lookupArray(this.#statsFd, id * TargetLayout.probes + probe, new Uint8Array(slots.buffer));
    let hits = 0n;
    let last = 0n;
    for (let at = 0; at < slots.length; at += ProbeStats.size / 8) {
      hits += slots[at] ?? 0n;
      const time = slots[at + ProbeStats.last / 8] ?? 0n;
      if (time > last) last = time;
    }
    state.hits = Number(hits);
    state.last_event_time = last > 0n ? Number((last + bootToUnix) / 1_000_000_000n) : null;
  }
}

function waiting(kind: TargetKind, executable: Executable, spec: ProbeSpec): ProbeState {
  return {
    table_name: kind.table,
    target: executable.path,
    build_id: null,
    symbol: spec.symbol,
    hook: spec.retprobe ? 'return' : 'entry',
    offset: null,
    state: 'waiting',
    hits: 0,
    last_event_time: null,
    last_error: null,
  };
}

function fail(target: Target, reason: string): void {
  for (const { state } of target.probes) {
    state.state = 'failed';
    state.last_error = reason;
  }
}
