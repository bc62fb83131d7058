/** The cells that the tables of audit events have in common. */
import type { Value } from '../../extension/sdk/spec.ts';
import { cutText } from '../events/text.ts';
import { PLAIN } from '../redact/guarded.ts';
import type { CommonPlaces } from './columns.ts';
import type { AuditEvent } from './events.ts';
import { machineOf } from './names.ts';
import type { SyscallRecord } from './records.ts';
import type { AuditWorld } from './world.ts';

const MS_PER_S = 1000;
const NS_PER_MS = 1_000_000n;

/** A text of at most `max` bytes. `cut` is set where it was longer. */
export class TextLimit {
  readonly #max: number;
  cut = false;

  constructor(max: number) {
    this.#max = max;
  }

  #fits(text: string): boolean {
    // A UTF-16 unit is at most 3 bytes of UTF-8.
    return text.length * 3 <= this.#max || Buffer.byteLength(text) <= this.#max;
  }

  of(text: string): string {
    if (this.#fits(text)) return text;
    this.cut = true;
    return cutText(Buffer.from(text), this.#max).toString();
  }

  /** A JSON array: of as many texts as there is room for, or it would be JSON no more. */
  arrayOf(texts: readonly string[]): string {
    const whole = JSON.stringify(texts);
    if (this.#fits(whole)) return whole;
    this.cut = true;
    const kept: string[] = [];
    let length = '[]'.length;
    for (const text of texts) {
      const json = JSON.stringify(text);
      length += Buffer.byteLength(json) + ','.length;
      if (length > this.#max) break;
      kept.push(json);
    }
    return `[${kept.join(',')}]`;
  }
}

/** When it was, and who it was by the SYSCALL record, if there is one. `row` is all NULL before. */
export function putCommon(
  row: Value[],
  at: CommonPlaces,
  event: AuditEvent,
  world: AuditWorld,
): void {
  const { ms, serial, syscall } = event;
  row[at.time] = Math.floor(ms / MS_PER_S);
  row[at.time_ns] = BigInt(ms) * NS_PER_MS;
  row[at.uptime] = world.bootTime === null ? null : Math.floor(ms / MS_PER_S - world.bootTime);
  row[at.serial] = serial;
  row[at.truncated] = event.partial ? 1 : 0;
  if (syscall === null) return;
  row[at.pid] = syscall.pid;
  row[at.ppid] = syscall.ppid;
  row[at.auid] = syscall.auid;
  row[at.uid] = syscall.uid;
  row[at.gid] = syscall.gid;
  row[at.euid] = syscall.euid;
  row[at.egid] = syscall.egid;
  row[at.fsuid] = syscall.fsuid;
  row[at.fsgid] = syscall.fsgid;
  row[at.suid] = syscall.suid;
  row[at.sgid] = syscall.sgid;
  row[at.session_id] = syscall.session;
  row[at.tty] = syscall.tty;
  row[at.comm] = syscall.comm;
  row[at.key] = syscall.key;
  row[at.syscall] = syscall.name ?? String(syscall.number);
  row[at.arch] = machineName(syscall);
  row[at.success] = syscall.success;
  row[at.exit] = syscall.exit;
  row[at.container_id] = syscall.pid === null ? null : world.container(syscall.pid);
}

const machineName = ({ arch }: SyscallRecord): string => machineOf(arch) ?? arch.toString(16);

/** A process's title as its arguments, without their secrets: the kernel has a NUL behind each. */
export function titleArguments(title: string, { redactor = PLAIN }: AuditWorld): readonly string[] {
  return redactor.redactArguments(title.replace(/\0+$/, '').split('\0'));
}

/** The kernel keeps so many bytes of a title (MAX_PROCTITLE_AUDIT_LEN): one as long is cut. */
const TITLE_BYTES = 128;

export const isTitleCut = (title: string): boolean => Buffer.byteLength(title) >= TITLE_BYTES;
