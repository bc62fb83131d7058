/** A binary and the probes that it gets: what the probe manager holds of it, and what its ELF file says. */

import type { BpfLink } from '../../native/bpf-link.ts';
import { type Elf, fileOffset } from '../../native/elf.ts';
import { TargetLayout } from '../../native/events.ts';
import type { Executable } from '../../native/executables.ts';
import { cheapAddress } from '../../native/probe-place.ts';
import { type ProbeState, waitingProbe } from './probe-state.ts';
import { placesId, type SymbolPlaces, symbolsAt } from './symbol-places.ts';
import type { ProbeSpec, Symbols, TargetKind } from './target-kind.ts';
import type { TargetRecord } from './target-record.ts';

export interface Probe {
  readonly spec: ProbeSpec;
  readonly state: ProbeState;
  link: BpfLink | null;
}

/** What rows say of a binary; the very same object as long as it is attached. */
export interface NamedTarget {
  readonly program: string;
  readonly path: string;
  /** How to open it. */
  readonly file: string;
}

export interface Target {
  readonly named: NamedTarget;
  readonly kind: TargetKind;
  readonly executable: Executable;
  /** What the config says of its symbols. */
  readonly places: SymbolPlaces;
  probes: readonly Probe[];
}

export function newTarget(
  kind: TargetKind,
  executable: Executable,
  options: ReadonlySet<string>,
  places: SymbolPlaces,
): Target {
  const probes = kind.probes
    .filter(({ option }) => option === undefined || options.has(option))
    .map((spec) => ({ spec, state: waitingProbe(kind, executable, spec), link: null }));
  const named = { program: kind.program, path: executable.name, file: executable.path };
  return { named, kind, executable, places, probes };
}

/** Whether a global that the binary has makes this probe unneeded. */
const isReplaced = ({ unlessKnown }: ProbeSpec, symbolVaddr: readonly number[]): boolean =>
  unlessKnown !== undefined && symbolVaddr[unlessKnown] !== 0;

/** Take out the probes that stand in for what this binary has. */
export function dropUnneeded(target: Target, record: TargetRecord): void {
  target.probes = target.probes.filter(
    ({ spec }) =>
      ((spec.unless ?? spec.only) === undefined || record.probeVaddr[spec.index] !== 0) &&
      !isReplaced(spec, record.symbolVaddr),
  );
}

/** Where a binary has what the kind needs. @throws LiveAuditError ELF, NO_SYMBOL */
export function readTarget({ kind, executable, places }: Target, elf: Elf): TargetRecord {
  const { probes, globals, program } = kind;
  const named = [
    ...probes.flatMap((p) => [p.symbol, p.unless ?? p.symbol, p.only ?? p.symbol]),
    ...(kind.symbols ?? []),
  ];
  const names = new Set([...named, ...globals.map((g) => g.symbol)]);
  const symbols = symbolsAt(elf, executable.path, names, places);
  const probeVaddr = new Array<number>(TargetLayout.probes).fill(0);
  const probeOffset = new Array<number>(TargetLayout.probes).fill(0);
  const symbolVaddr = new Array<number>(TargetLayout.symbols).fill(0);
  for (const { index, symbol, locate } of globals)
    symbolVaddr[index] = symbols.get(symbol)?.vaddr ?? locate?.(elf, symbols) ?? 0;
  for (const probe of probes) {
    if (isReplaced(probe, symbolVaddr)) continue;
    const address = addressOf(probe, elf, symbols);
    probeVaddr[probe.index] = address?.vaddr ?? 0;
    probeOffset[probe.index] = address?.offset ?? 0;
  }
  const addresses = { probeVaddr, probeOffset, symbolVaddr };
  return { ...addresses, places: placesId(places), program, buildId: elf.buildId, ...executable };
}

/** Where to probe; null where the binary has no such place, or needs none. */
function addressOf(
  { symbol, locate, unless, only }: ProbeSpec,
  elf: Elf,
  symbols: Symbols,
): { vaddr: number; offset: number } | null {
  if (unless !== undefined && symbols.has(unless)) return null;
  if (only !== undefined && !symbols.has(only)) return null;
  if (!locate) {
    const entry = symbols.get(symbol);
    return entry?.kind === 'function' ? cheapAddress(elf, entry) : null;
  }
  const vaddr = locate(elf, symbols);
  const offset = vaddr === null ? null : fileOffset(elf, vaddr);
  return vaddr === null || offset === null ? null : { vaddr, offset };
}

/** Say at each probe what the binary does not let us know. */
export function noteUnknown({ kind, probes }: Target, record: TargetRecord): void {
  const unknown = kind.globals.filter((global) => record.symbolVaddr[global.index] === 0);
  if (unknown.length === 0) return;
  for (const { state } of probes)
    state.last_error ??= unknown.map((g) => `no ${g.symbol}: without ${g.gives}`).join('; ');
}
