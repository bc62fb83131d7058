/** From a message of an audit event to a row of audit_user_events. */
import type { Value } from '../../extension/sdk/spec.ts';
import type { AuditEvent } from '../audit/events.ts';
import type { Message } from '../audit/messages.ts';
import { recordTypeName } from '../audit/names.ts';
import { isTitleCut, putCommon, TextLimit, titleArguments, titleLine } from '../audit/row.ts';
import type { AuditWorld } from '../audit/world.ts';
import { placesOf } from '../event.ts';
import { spec } from './spec.ts';

const at = placesOf(spec);

export class UserRows {
  readonly #world: AuditWorld;
  /** Used again for each row. */
  readonly #row: Value[] = spec.columns.map(() => null);

  constructor(world: AuditWorld) {
    this.#world = world;
  }

  /** @returns the row, valid until the next call */
  row(event: AuditEvent, message: Message): readonly Value[] {
    const row = this.#row.fill(null);
    const limit = new TextLimit(this.#world.maxText);
    putCommon(row, at, event, this.#world);
    row[at.type] = message.type;
    row[at.type_name] = recordTypeName(message.type);
    row[at.message] = limit.of(message.text);
    row[at.operation] = message.operation;
    row[at.account] = message.account;
    row[at.path] = message.exe ?? event.syscall?.exe ?? null;
    row[at.hostname] = message.hostname;
    row[at.address] = message.address ?? event.endpoint?.address ?? null;
    row[at.terminal] = message.terminal;
    row[at.result] = message.result;
    row[at.cwd] = message.cwd ?? event.cwd;
    if (message.command !== null) row[at.cmdline] = message.command;
    else if (event.proctitle !== null) {
      row[at.cmdline] = titleLine(event.proctitle);
      row[at.argv] = titleArguments(event.proctitle);
      if (isTitleCut(event.proctitle)) row[at.truncated] = 1;
    }
    row[at.pid] = message.pid ?? row[at.pid] ?? null;
    row[at.uid] = message.uid ?? row[at.uid] ?? null;
    row[at.auid] = message.auid ?? row[at.auid] ?? null;
    row[at.session_id] = message.session ?? row[at.session_id] ?? null;
    row[at.comm] = message.comm ?? row[at.comm] ?? null;
    row[at.key] = message.key ?? row[at.key] ?? null;
    if (event.syscall === null && message.pid !== null)
      row[at.container_id] = this.#world.container(message.pid);
    if (limit.cut) row[at.truncated] = 1;
    return row;
  }
}
