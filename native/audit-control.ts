/**
 * The kernel's audit, asked and set over netlink (linux/audit.h): status and rules. Needs CAP_AUDIT_CONTROL in
 * the first user and pid namespaces. Nothing is set but by the methods that say so.
 */
import { type AuditRule, decodeRule, encodeRule } from './audit-rule.ts';
import { LiveAuditError } from './errors.ts';
import { errnoName } from './libc.ts';
import { NetlinkError, NetlinkHeader, NetlinkSocket } from './netlink.ts';

export const NETLINK_AUDIT = 9;
/** The multicast group that every record goes to, as a bit of sockaddr_nl (AUDIT_NLGRP_READLOG is 1). */
export const READLOG_GROUPS = 1;

const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const NLM_F_REQUEST = 1;
const NLM_F_ACK = 4;

const AUDIT_GET = 1000;
const AUDIT_SET = 1001;
const AUDIT_ADD_RULE = 1011;
const AUDIT_DEL_RULE = 1012;
const AUDIT_LIST_RULES = 1013;

/** struct audit_status: u32 each; newer kernels have more behind it, older ones less. */
const Status = { mask: 0, enabled: 4, pid: 12, backlogLimit: 20, lost: 24, backlog: 28, size: 44 };
const STATUS_ENABLED = 0x0001;
const STATUS_BACKLOG_LIMIT = 0x0010;

export interface AuditStatus {
  /** 0 off, 1 on, 2 on and locked until the next boot. */
  readonly enabled: number;
  /** auditd's process, 0 without one. */
  readonly pid: number;
  readonly backlogLimit: number;
  /** Records that the kernel had no room for, since boot or since somebody reset it. */
  readonly lost: number;
}

const WAIT_MS = 1000;

export class AuditControl {
  readonly #socket: NetlinkSocket;
  #sequence = 0;

  /** @throws LiveAuditError AUDIT, AUDIT_DENIED */
  constructor() {
    this.#socket = mapped('socket', () => new NetlinkSocket(NETLINK_AUDIT, 0));
  }

  /** @throws LiveAuditError AUDIT, AUDIT_DENIED */
  status(): AuditStatus {
    const [status] = this.#request(AUDIT_GET, Buffer.alloc(0), 1);
    if (!status || status.length < Status.backlog) throw new LiveAuditError('AUDIT', 'no answer');
    return {
      enabled: status.readUInt32LE(Status.enabled),
      pid: status.readUInt32LE(Status.pid),
      backlogLimit: status.readUInt32LE(Status.backlogLimit),
      lost: status.readUInt32LE(Status.lost),
    };
  }

  /**
   * Sets: switch audit on or off.
   * @throws LiveAuditError AUDIT, AUDIT_DENIED
   */
  setEnabled(enabled: boolean): void {
    this.#set(STATUS_ENABLED, Status.enabled, enabled ? 1 : 0);
  }

  /**
   * Sets: how many records may wait in the kernel.
   * @throws LiveAuditError AUDIT, AUDIT_DENIED
   */
  setBacklogLimit(records: number): void {
    this.#set(STATUS_BACKLOG_LIMIT, Status.backlogLimit, records);
  }

  #set(bit: number, at: number, value: number): void {
    const status = Buffer.alloc(Status.size);
    status.writeUInt32LE(bit, Status.mask);
    status.writeUInt32LE(value, at);
    this.#request(AUDIT_SET, status, 0);
  }

  /** @throws LiveAuditError AUDIT, AUDIT_DENIED */
  rules(): AuditRule[] {
    return this.#request(AUDIT_LIST_RULES, Buffer.alloc(0), Number.POSITIVE_INFINITY).map(
      decodeRule,
    );
  }

  /**
   * Sets: add a rule. One that is there already is an error (EEXIST).
   * @throws LiveAuditError AUDIT, AUDIT_DENIED
   */
  addRule(rule: AuditRule): void {
    this.#request(AUDIT_ADD_RULE, encodeRule(rule), 0);
  }

  /**
   * Sets: take the rule away that is the same in all its fields.
   * @throws LiveAuditError AUDIT, AUDIT_DENIED
   */
  deleteRule(rule: AuditRule): void {
    this.#request(AUDIT_DEL_RULE, encodeRule(rule), 0);
  }

  close(): void {
    this.#socket.close();
  }

  /** @param answers how many messages are awaited besides the acknowledgement; infinity: up to NLMSG_DONE */
  #request(type: number, payload: Buffer, answers: number): Buffer[] {
    const message = Buffer.alloc(NetlinkHeader.size + payload.length);
    message.writeUInt32LE(message.length, NetlinkHeader.length);
    message.writeUInt16LE(type, NetlinkHeader.type);
    message.writeUInt16LE(NLM_F_REQUEST | NLM_F_ACK, NetlinkHeader.flags);
    message.writeUInt32LE(++this.#sequence, NetlinkHeader.seq);
    payload.copy(message, NetlinkHeader.size);
    return mapped(NAMES.get(type) ?? String(type), () => {
      this.#socket.send(message);
      return this.#answers(type, answers);
    });
  }

  #answers(type: number, wanted: number): Buffer[] {
    const found: Buffer[] = [];
    let acknowledged = false;
    let done = false;
    let failure = 0;
    const deadline = performance.now() + WAIT_MS;
    while (failure === 0 && !(acknowledged && (done || found.length >= wanted))) {
      const rest = deadline - performance.now();
      if (rest <= 0 || !this.#socket.wait(rest)) throw new LiveAuditError('AUDIT', 'no answer');
      this.#socket.receive((bytes, start, end) => {
        if (end - start < NetlinkHeader.size) return;
        if (bytes.readUInt32LE(start + NetlinkHeader.seq) !== this.#sequence) return;
        const answer = bytes.readUInt16LE(start + NetlinkHeader.type);
        const body = start + NetlinkHeader.size;
        if (answer === NLMSG_ERROR && end - body >= 4) {
          failure = -bytes.readInt32LE(body);
          acknowledged = true;
        } else if (answer === NLMSG_DONE) done = true;
        else if (answer === type) found.push(Buffer.from(bytes.subarray(body, end)));
      });
    }
    if (failure !== 0) throw new NetlinkError('answer', failure);
    return found;
  }
}

const NAMES: ReadonlyMap<number, string> = new Map([
  [AUDIT_GET, 'AUDIT_GET'],
  [AUDIT_SET, 'AUDIT_SET'],
  [AUDIT_ADD_RULE, 'AUDIT_ADD_RULE'],
  [AUDIT_DEL_RULE, 'AUDIT_DEL_RULE'],
  [AUDIT_LIST_RULES, 'AUDIT_LIST_RULES'],
]);

/** errno values that mean a missing right, or a namespace that audit does not serve. */
const DENIED = new Set([1 /* EPERM */, 13 /* EACCES */, 111 /* ECONNREFUSED */]);

/** Errors of netlink as ours. */
export function mapped<T>(what: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error;
    const code = DENIED.has(error.errno) ? 'AUDIT_DENIED' : 'AUDIT';
    throw new LiveAuditError(code, `audit: ${what}: ${errnoName(error.errno)}`, { cause: error });
  }
}
