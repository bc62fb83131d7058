/** From an audit event to the rows of the tables that it belongs to. */
import type { TableSpec, Value } from '../../extension/sdk/spec.ts';
import { operationOf } from '../audit_file_events/operations.ts';
import { FileRows } from '../audit_file_events/row.ts';
import { spec as fileSpec } from '../audit_file_events/spec.ts';
import { isExec, ProcessRows } from '../audit_process_events/row.ts';
import { spec as processSpec } from '../audit_process_events/spec.ts';
import { UserRows } from '../audit_user_events/row.ts';
import { spec as userSpec } from '../audit_user_events/spec.ts';
import type { AuditEvent } from './events.ts';
import type { SyscallRecord } from './records.ts';
import type { AuditWorld } from './world.ts';

/** The tables that are filled from audit events. */
export const auditSpecs = [processSpec, fileSpec, userSpec] as const;

export type AuditTable = (typeof auditSpecs)[number]['name'];

/** Gets each row; it is valid only during the call. */
export type RowSink = (table: AuditTable, row: readonly Value[]) => void;

export class AuditRows {
  readonly #processes: ProcessRows;
  readonly #files: FileRows;
  readonly #users: UserRows;
  readonly #sink: RowSink;

  constructor(world: AuditWorld, sink: RowSink) {
    this.#processes = new ProcessRows(world);
    this.#files = new FileRows(world);
    this.#users = new UserRows(world);
    this.#sink = sink;
  }

  /** Give the rows of an event. Each event has one at least. */
  add(event: AuditEvent): void {
    const { syscall, messages } = event;
    for (const message of messages) this.#sink(userSpec.name, this.#users.row(event, message));
    // With a message the system call is how it was made (sendto, write, bpf), if it names no file.
    if (syscall === null || (messages.length > 0 && !isOfItsOwn(event, syscall))) return;
    const file = isExec(syscall.name) ? null : this.#files.row(event);
    if (file !== null) this.#sink(fileSpec.name, file);
    else this.#sink(processSpec.name, this.#processes.row(event));
  }
}

const isOfItsOwn = ({ paths }: AuditEvent, { name }: SyscallRecord): boolean =>
  isExec(name) || (name !== null && operationOf(name) !== null && paths.length > 0);

/** The tables that an event of which the SYSCALL record did not come would have been in. */
export function tablesOfIncomplete(event: AuditEvent): readonly AuditTable[] {
  if (event.args !== null) return [processSpec.name];
  if (event.paths.length > 0) return [fileSpec.name];
  return auditSpecs.map(({ name }: TableSpec) => name as AuditTable);
}
