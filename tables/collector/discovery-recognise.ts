/** What kind of target a program file is: by its symbols, whatever its name. */
import path from 'node:path';
import { isOtherFormat, withElf } from '../../native/elf.ts';
import { findSymbols } from '../../native/elf-symbols.ts';
import { LiveAuditError } from '../../native/errors.ts';
import type { Executable } from '../../native/executables.ts';
import type { TargetKind } from './target-kind.ts';

/** The kind whose markers a file defines, or null; also null where it cannot be read as ELF. */
export function recognise(file: string, kinds: readonly TargetKind[]): TargetKind | null {
  const names = new Set(kinds.flatMap((kind) => kind.markers));
  try {
    const found = withElf(file, (elf) => findSymbols(elf, names));
    return kinds.find((kind) => kind.markers.every((name) => found.has(name))) ?? null;
  } catch (error) {
    if (error instanceof LiveAuditError) return null;
    throw error;
  }
}

/**
 * The kind of target that a program is, or seems to be by its name: one that is called bash and cannot be
 * read or lacks the symbols is a failure to be shown. A script is none.
 */
export function kindOf(
  executable: Pick<Executable, 'path' | 'name'>,
  kinds: readonly TargetKind[],
): TargetKind | null {
  const recognised = recognise(executable.path, kinds);
  if (recognised) return recognised;
  const named = kinds.find((kind) => kind.fileName.test(path.basename(executable.name)));
  return named && !isOtherFormat(executable.path) ? named : null;
}
