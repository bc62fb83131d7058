/** From an audit event to a row of audit_file_events. */
import type { Value } from '../../extension/sdk/spec.ts';
import type { AuditEvent } from '../audit/events.ts';
import { machineOf } from '../audit/names.ts';
import { AT_FDCWD, directoryOf, joinPath } from '../audit/paths.ts';
import type { PathRecord, SyscallRecord } from '../audit/records.ts';
import { isTitleCut, putCommon, TextLimit, titleArguments } from '../audit/row.ts';
import type { AuditWorld } from '../audit/world.ts';
import { placesOf } from '../event.ts';
import { Descriptors } from './descriptors.ts';
import {
  AT_REMOVEDIR,
  CREAT_FLAGS,
  flagNames,
  isByDescriptor,
  O_TRUNC,
  operationOf,
} from './operations.ts';
import { spec } from './spec.ts';

const at = placesOf(spec);

/** The file that an operation is about, and its new name. */
interface Files {
  readonly file: PathRecord | null;
  readonly destination: PathRecord | null;
}

export class FileRows {
  readonly #world: AuditWorld;
  readonly #descriptors = new Descriptors();
  /** Used again for each row. */
  readonly #row: Value[] = spec.columns.map(() => null);

  constructor(world: AuditWorld) {
    this.#world = world;
  }

  /** @returns the row, valid until the next call; null where the event is none on files */
  row(event: AuditEvent): readonly Value[] | null {
    const { syscall } = event;
    if (syscall === null) return null;
    const call = syscall.name ?? '';
    const known = operationOf(call);
    if (known === null && event.paths.length === 0) {
      this.#follow(syscall);
      return null;
    }
    const flags = known === 'open' ? openFlags(event, syscall) : null;
    const { file, destination } = filesOf(known, event.paths);
    const path = this.#path(event, syscall, known, file);
    const to = this.#resolve(event, syscall, destination, 'destination');
    if (syscall.success !== 0) this.#followFile(syscall, known, path);

    const row = this.#row.fill(null);
    const limit = new TextLimit(this.#world.maxText);
    putCommon(row, at, event, this.#world);
    row[at.operation] = operationName(known ?? call, syscall, flags);
    row[at.path] = path;
    row[at.dest_path] = to;
    row[at.executable] = syscall.exe;
    row[at.cwd] = event.cwd;
    row[at.mode] = file?.mode ?? null;
    row[at.inode] = file?.inode ?? null;
    if (flags !== null) row[at.open_flags] = flagNames(flags, isArm(syscall));
    if (event.proctitle !== null) {
      const title = titleArguments(event.proctitle, this.#world);
      row[at.cmdline] = limit.of(title.join(' '));
      row[at.argv] = JSON.stringify(title);
      if (isTitleCut(event.proctitle)) row[at.truncated] = 1;
    }
    const isKnown = known === 'symlink' || path?.startsWith('/') === true;
    row[at.partial] = event.partial || !isKnown ? 'true' : 'false';
    if (limit.cut) row[at.truncated] = 1;
    return row;
  }

  #path(
    event: AuditEvent,
    syscall: SyscallRecord,
    operation: string | null,
    file: PathRecord | null,
  ): string | null {
    if (operation === 'symlink') return file?.name ?? null; // relative to the link, if at all
    const named = this.#resolve(event, syscall, file, 'path');
    if (named?.startsWith('/')) return named;
    const { pid, a0 } = syscall;
    if (pid === null || a0 === null || !isByDescriptor(syscall.name ?? '')) return named;
    return this.#descriptors.path(pid, a0) ?? named;
  }

  #resolve(
    event: AuditEvent,
    syscall: SyscallRecord,
    file: PathRecord | null,
    which: 'path' | 'destination',
  ): string | null {
    const name = file?.name ?? null;
    if (name === null || name.startsWith('/')) return name === null ? null : joinPath(null, name);
    const directory = directoryOf(syscall, which);
    const begin =
      directory === AT_FDCWD ? event.cwd : this.#descriptors.path(syscall.pid ?? -1, directory);
    return joinPath(begin, name) ?? name;
  }

  #followFile(syscall: SyscallRecord, operation: string | null, path: string | null): void {
    const { pid, exit, a0 } = syscall;
    if (pid === null) return;
    if (operation === 'open' && exit !== null && exit >= 0) {
      if (path === null) this.#descriptors.closed(pid, exit);
      else this.#descriptors.opened(pid, exit, path);
    }
    if (operation === 'close' && a0 !== null) this.#descriptors.closed(pid, a0);
  }

  /** What other system calls do to descriptors. */
  #follow({ name, pid, exit, a0, success }: SyscallRecord): void {
    if (pid === null || name === null || success === 0) return;
    switch (name) {
      case 'dup':
      case 'dup2':
      case 'dup3':
        if (a0 !== null && exit !== null) this.#descriptors.copied(pid, a0, exit);
        break;
      case 'fork':
      case 'vfork':
      case 'clone':
      case 'clone3':
        if (exit !== null && exit > 0) this.#descriptors.forked(pid, exit);
        break;
      case 'exit_group':
        this.#descriptors.exited(pid);
        break;
    }
  }
}

function operationName(operation: string, syscall: SyscallRecord, flags: number | null): string {
  if (syscall.name === 'unlinkat' && ((syscall.a2 ?? 0) & AT_REMOVEDIR) !== 0) return 'rmdir';
  if (flags !== null && (flags & O_TRUNC) !== 0) return 'open+truncate';
  return operation;
}

/** Where the flags are; those of openat2 are in memory, and in a record of their own since Linux 5.16. */
function openFlags({ openFlags }: AuditEvent, { name, a1, a2 }: SyscallRecord): number | null {
  switch (name) {
    case 'open':
      return a1;
    case 'openat':
    case 'open_by_handle_at':
      return a2;
    case 'openat2':
      return openFlags;
    default:
      return CREAT_FLAGS;
  }
}

const isArm = ({ arch }: SyscallRecord): boolean => {
  const machine = machineOf(arch);
  return machine === 'aarch64' || machine === 'arm';
};

const find = (paths: readonly PathRecord[], ...types: (string | null)[]): PathRecord | null =>
  paths.find(({ nametype }) => types.includes(nametype)) ?? null;

const findLast = (paths: readonly PathRecord[], type: string): PathRecord | null =>
  paths.findLast(({ nametype }) => nametype === type) ?? null;

/** Kernels before 3.9 do not say what an item is: then it is by its place. */
function filesOf(operation: string | null, paths: readonly PathRecord[]): Files {
  switch (operation) {
    case 'rename':
      // Two directories, the old name, the file that was overwritten if there was one, the new name.
      if (paths[0]?.nametype === null)
        return { file: paths[2] ?? null, destination: paths.at(-1) ?? null };
      return { file: find(paths, 'DELETE'), destination: findLast(paths, 'CREATE') };
    case 'link':
    case 'symlink':
      if (paths[0]?.nametype === null)
        return { file: paths[0] ?? null, destination: paths.at(-1) ?? null };
      return { file: find(paths, 'NORMAL', 'UNKNOWN'), destination: findLast(paths, 'CREATE') };
    default:
      return {
        file: find(paths, 'CREATE', 'DELETE', 'NORMAL', 'UNKNOWN', null),
        destination: null,
      };
  }
}
