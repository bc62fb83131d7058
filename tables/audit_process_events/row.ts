/** From an audit event to a row of audit_process_events. */
import type { Value } from '../../extension/sdk/spec.ts';
import type { AuditEvent } from '../audit/events.ts';
import { AT_FDCWD, directoryOf, joinPath } from '../audit/paths.ts';
import type { PathRecord } from '../audit/records.ts';
import { isTitleCut, putCommon, TextLimit, titleArguments } from '../audit/row.ts';
import type { AuditWorld } from '../audit/world.ts';
import { placesOf } from '../event.ts';
import { PLAIN } from '../redact/guarded.ts';
import { spec } from './spec.ts';

const at = placesOf(spec);

export const isExec = (name: string | null): boolean => name === 'execve' || name === 'execveat';

export class ProcessRows {
  readonly #world: AuditWorld;
  /** Used again for each row. */
  readonly #row: Value[] = spec.columns.map(() => null);

  constructor(world: AuditWorld) {
    this.#world = world;
  }

  /** @returns the row, valid until the next call */
  row(event: AuditEvent): readonly Value[] {
    const row = this.#row.fill(null);
    const { syscall, args, proctitle, cwd } = event;
    const limit = new TextLimit(this.#world.maxText);
    putCommon(row, at, event, this.#world);
    row[at.parent] = row[at.ppid] ?? null;
    row[at.cwd] = cwd;
    const exec = syscall !== null && isExec(syscall.name);
    const file = exec ? (event.paths[0] ?? null) : null;
    // A program that is running already is the one to blame for all else.
    const failed = exec && syscall.success === 0;
    row[at.path] = failed ? askedFor(event, file) : (syscall?.exe ?? null);
    if (file !== null) {
      row[at.mode] = file.mode;
      row[at.owner_uid] = file.ouid;
      row[at.owner_gid] = file.ogid;
    }
    row[at.address] = event.endpoint?.address ?? null;
    row[at.port] = event.endpoint?.port ?? null;
    if (args !== null) {
      const { redactor = PLAIN } = this.#world;
      const texts = redactor.redactArguments(args.texts());
      row[at.cmdline] = limit.of(texts.join(' '));
      row[at.cmdline_size] = args.size;
      row[at.argv] = limit.arrayOf(texts);
    } else if (proctitle !== null && !failed) {
      // The title is that of the caller, if execve failed.
      const title = titleArguments(proctitle, this.#world);
      row[at.cmdline] = limit.of(title.join(' '));
      row[at.cmdline_size] = Buffer.byteLength(proctitle.replace(/\0+$/, ''));
      row[at.argv] = JSON.stringify(title);
      if (isTitleCut(proctitle)) row[at.truncated] = 1;
    }
    if (limit.cut) row[at.truncated] = 1;
    return row;
  }
}

/** The path that a failed execve was given. */
function askedFor({ syscall, cwd }: AuditEvent, file: PathRecord | null): string | null {
  if (file?.name == null) return null;
  const fromCwd = syscall === null || directoryOf(syscall, 'path') === AT_FDCWD;
  return joinPath(fromCwd ? cwd : null, file.name) ?? file.name;
}
