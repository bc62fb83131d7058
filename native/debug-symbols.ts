/**
 * Symbols of a stripped program: .gnu_debugdata (Fedora, RHEL and SUSE put the function names of a stripped
 * program there, an ELF file packed with xz), then the debug file of its build id, where distributions and
 * debuginfod clients install it.
 */
import path from 'node:path';
import { type Elf, type ElfSymbol, parseElf, sectionContent, withElf } from './elf.ts';
import { findSymbols } from './elf-symbols.ts';
import { LiveAuditError } from './errors.ts';
import { unxz } from './xz.ts';

const DEBUG_DATA = '.gnu_debugdata';
/** Of a 60 MB server it is some 5 MB unpacked. */
const MAX_DEBUG_DATA = 64 * 1024 * 1024;
const DEBUG_FILES = '/usr/lib/debug/.build-id';
/** A shorter one names no file: its first byte is the directory. */
const MIN_BUILD_ID = 4;

/** What else tells the symbols of `elf`, one after another: none where nothing does. */
const SOURCES: readonly ((elf: Elf, files: string, names: ReadonlySet<string>) => Found | null)[] =
  [
    (elf, _files, names) => {
      const packed = sectionContent(elf, DEBUG_DATA);
      const bytes = packed && unxz(packed, MAX_DEBUG_DATA);
      if (!bytes) return null;
      const source = {
        size: bytes.length,
        read: (position: number, length: number) => bytes.subarray(position, position + length),
      };
      return findSymbols(parseElf(source), names);
    },
    ({ buildId }, files, names) => {
      if (buildId === null || buildId.length < MIN_BUILD_ID) return null;
      const name = `${buildId.slice(0, 2)}/${buildId.slice(2)}.debug`;
      return withElf(path.join(files, name), (debug) =>
        debug.buildId === buildId ? findSymbols(debug, names) : null,
      );
    },
  ];

type Found = ReadonlyMap<string, ElfSymbol>;

/** /proc/PID/exe is in that process's own root. */
const rootOf = (file: string): string =>
  /^\/proc\/\d+\/(?=exe$|root\/)/.exec(file)?.[0].concat('root') ?? '/';

/**
 * The functions and variables with one of these names: of the file itself, and what it lacks from its debug
 * information. The addresses are link-time ones, the same in both.
 * @param file path that `elf` was opened by
 * @param files where debug files are, by build id
 * @throws LiveAuditError ELF where the file itself makes no sense
 */
export function findAllSymbols(
  elf: Elf,
  file: string,
  names: ReadonlySet<string>,
  files: string = path.join(rootOf(file), DEBUG_FILES),
): Map<string, ElfSymbol> {
  const found = findSymbols(elf, names);
  for (const source of SOURCES) {
    const missing = new Set([...names].filter((name) => !found.has(name)));
    if (missing.size === 0) break;
    try {
      for (const [name, symbol] of source(elf, files, missing) ?? []) found.set(name, symbol);
    } catch (error) {
      if (!(error instanceof LiveAuditError)) throw error; // no such file, or not a whole one
    }
  }
  return found;
}
