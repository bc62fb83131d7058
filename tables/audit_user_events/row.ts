/** From a message of an audit event to a row of audit_user_events. */
import type { Value } from '../../extension/sdk/spec.ts';
import type { AuditEvent } from '../audit/events.ts';
import type { Message } from '../audit/messages.ts';
import { recordTypeName } from '../audit/names.ts';
import { isTitleCut, putCommon, TextLimit, titleArguments } from '../audit/row.ts';
import type { AuditWorld } from '../audit/world.ts';
import { placesOf } from '../event.ts';
import { MARK } from '../redact/spans.ts';
import { spec } from './spec.ts';

const at = placesOf(spec);
/** A command, or what was typed, as it is encoded (audit_log_n_hex). */
const HEX_FIELD = /(\b(?:cmd|data|proctitle)=)((?:[\dA-F]{2}){4,})(?![\dA-Fa-f])/g;

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
    row[at.message] = limit.of(this.#redacted(withoutHex(message.text, this.#world)));
    row[at.operation] = message.operation;
    row[at.account] = message.account;
    row[at.path] = message.exe ?? event.syscall?.exe ?? null;
    row[at.hostname] = message.hostname;
    row[at.address] = message.address ?? event.endpoint?.address ?? null;
    row[at.terminal] = message.terminal;
    row[at.result] = message.result;
    row[at.cwd] = message.cwd ?? event.cwd;
    if (message.command !== null) row[at.cmdline] = this.#redacted(message.command);
    else if (event.proctitle !== null) {
      const title = titleArguments(event.proctitle, this.#world);
      row[at.cmdline] = title.join(' ');
      row[at.argv] = JSON.stringify(title);
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

  #redacted(text: string): string {
    const bytes = Buffer.from(text);
    const safe = this.#world.redactor?.redact(bytes, true) ?? bytes;
    return safe === bytes ? text : safe.toString();
  }
}

/** What is encoded in a message (a command, what was typed) is no secret in hexadecimal either. */
function withoutHex(text: string, { redactor }: AuditWorld): string {
  if (!redactor) return text;
  return text.replace(HEX_FIELD, (field: string, name: string, hex: string) => {
    const bytes = Buffer.from(hex, 'hex');
    return redactor.redact(bytes, true) === bytes ? field : `${name}${MARK}`;
  });
}
