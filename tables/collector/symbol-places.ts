/**
 * Where the config says that a binary has its functions and variables, for builds in which they are called
 * otherwise or have no symbol at all.
 */
import { crc32 } from 'node:zlib';
import { findAllSymbols } from '../../native/debug-symbols.ts';
import { type Elf, type ElfSymbol, virtualAddress } from '../../native/elf.ts';
import { LiveAuditError } from '../../native/errors.ts';
import { type Executable, identify } from '../../native/executables.ts';
import type { TargetKind } from './target-kind.ts';

/** By the name that our probes go by: another symbol's name, or for a function its file offset as 0x… */
export type SymbolPlaces = Readonly<Record<string, string>>;

/** A program to capture, by the config. */
export interface ConfiguredTarget {
  readonly program: string;
  readonly path: string;
  readonly symbols?: SymbolPlaces | undefined;
}

const NO_PLACES: SymbolPlaces = {};

const OFFSET = /^0x[0-9a-f]{1,12}$/i;
const NAME = /^[A-Za-z_.$][\w.$@]{0,511}$/;

/** What is wrong with a place, or null. */
export function placeProblem(kind: TargetKind, symbol: string, place: string): string | null {
  const functions = new Set(kind.probes.map((probe) => probe.symbol));
  const others = [...kind.globals.map((global) => global.symbol), ...(kind.symbols ?? [])];
  if (!functions.has(symbol) && !others.includes(symbol))
    return `is no symbol that ${kind.program} is captured by; known: ${[...functions, ...others].join(', ')}`;
  if (NAME.test(place) || (functions.has(symbol) && OFFSET.test(place))) return null;
  return functions.has(symbol)
    ? 'must be the name of a symbol, or the file offset of the function as 0x…'
    : 'must be the name of a symbol';
}

/** What the config says of the file that an executable is, whatever path it was found by. */
export function placesOf(
  targets: readonly ConfiguredTarget[],
  program: string,
  { inode }: Pick<Executable, 'inode'>,
): SymbolPlaces {
  const target = targets.find(
    ({ program: its, path, symbols }) =>
      symbols !== undefined && its === program && identify(path)?.inode === inode,
  );
  return target?.symbols ?? NO_PLACES;
}

/** Tells one from another, for the next collector: 0 stands for none. */
export const placesId = (places: SymbolPlaces): number => {
  const entries = Object.entries(places).sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.length === 0 ? 0 : crc32(JSON.stringify(entries)) || 1;
};

/**
 * The symbols of a binary by the names that our probes go by.
 * @throws LiveAuditError ELF, NO_SYMBOL where a place of the config is not there
 */
export function symbolsAt(
  elf: Elf,
  file: string,
  names: ReadonlySet<string>,
  places: SymbolPlaces,
): Map<string, ElfSymbol> {
  const called = Object.entries(places).filter(([, place]) => !OFFSET.test(place));
  const found = findAllSymbols(elf, file, new Set([...names, ...called.map(([, name]) => name)]));
  const placed = Object.entries(places).map(([name, place]): [string, ElfSymbol] => {
    const symbol = OFFSET.test(place) ? at(elf, name, Number(place)) : found.get(place);
    if (!symbol)
      throw new LiveAuditError('NO_SYMBOL', `${file}: no ${place}, where the config has ${name}`);
    return [name, symbol];
  });
  return new Map([...found, ...placed]);
}

function at(elf: Elf, name: string, offset: number): ElfSymbol | null {
  const vaddr = virtualAddress(elf, offset);
  return vaddr === null ? null : { name, vaddr, size: 0, kind: 'function' };
}
