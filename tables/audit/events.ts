/**
 * From records to whole events: records of one event have the same time and serial number, and come among those
 * of others. An event is whole at its EOE record; at PROCTITLE, the last that auditd writes, if nothing is missing;
 * with a message of a program at once; or two seconds after its first record. Pure: time is what the caller says.
 */
import { Arguments } from './arguments.ts';
import { RecordHeader } from './header.ts';
import { type Message, MessageDecoder } from './messages.ts';
import { hasKernelSerial, isPartOfSyscall, isStandalone, RecordType } from './names.ts';
import { OpenEvents } from './open-events.ts';
import { putPath } from './paths.ts';
import { type PathRecord, RecordDecoder, type SyscallRecord } from './records.ts';
import { Serials } from './serials.ts';
import type { Endpoint } from './sockaddr.ts';

/** An event waits so long for more of its records, ms. */
export const WAIT_MS = 2000;
/** Open at once; the oldest is closed for one more. */
const MAX_OPEN = 4096;
const MAX_MESSAGES = 1024;

export interface AuditEvent {
  /** Unix time, ms. */
  readonly ms: number;
  readonly serial: number;
  syscall: SyscallRecord | null;
  args: Arguments | null;
  cwd: string | null;
  /** By their item numbers. */
  readonly paths: PathRecord[];
  readonly messages: Message[];
  /** Kept only where there are no arguments. */
  proctitle: string | null;
  openFlags: number | null;
  endpoint: Endpoint | null;
  /** A record of it made no sense or did not come. */
  partial: boolean;
  /** When its first record came, on the caller's clock, ms. */
  readonly since: number;
}

export interface EventSink {
  event(event: AuditEvent): void;
  /** Records came, but not the one that says what they are of. */
  incomplete(event: AuditEvent): void;
}

/** What went wrong with records; nothing of it is silent. */
export interface Faults {
  /** Records without a header, or of which a part made no sense. */
  malformed: number;
  /** Records without a header: not known of which event. */
  unreadable: number;
  /** Records of events that were over. */
  repeated: number;
}

export class EventAssembler {
  readonly serials: Serials;
  readonly faults: Faults = { malformed: 0, unreadable: 0, repeated: 0 };
  readonly #sink: EventSink;
  readonly #maxText: number;
  readonly #header = new RecordHeader();
  readonly #records = new RecordDecoder();
  readonly #messages: MessageDecoder;
  readonly #open = new OpenEvents();

  /**
   * @param maxText longest text to keep, bytes
   * @param nextSerial what a collector before us knew
   */
  constructor(sink: EventSink, maxText: number, nextSerial: number | null = null) {
    this.#sink = sink;
    this.#maxText = maxText;
    this.#messages = new MessageDecoder(maxText);
    this.serials = new Serials(nextSerial);
  }

  /** Time of the newest record, Unix ms. */
  get ms(): number {
    return this.#header.ms;
  }

  get openCount(): number {
    return this.#open.size;
  }

  /**
   * Take one record, which begins with `audit(`; the memory is valid only during the call.
   * @param now ms on any clock that only goes forward; null: the record's own time
   */
  accept(type: number, bytes: Buffer, at: number, end: number, now: number | null = null): void {
    const header = this.#header;
    if (!header.read(bytes, at, end)) {
      this.faults.malformed++;
      this.faults.unreadable++;
      return;
    }
    const { ms, serial, body } = header;
    const clock = now ?? ms;
    if (hasKernelSerial(type)) this.serials.see(serial, ms, clock);
    let event = this.#open.find(serial, ms);
    if (event === null) {
      if (this.#open.wasClosed(serial, ms)) {
        if (!this.#isExpected(type, serial)) this.faults.repeated++;
        return;
      }
      event = newEvent(ms, serial, clock);
      const displaced = this.#open.add(event);
      if (displaced !== null) this.#close(displaced);
      if (this.#open.size > MAX_OPEN) this.#closeOldest();
    }
    this.#add(event, type, bytes, body, end);
    if (isStandalone(type)) this.#close(event, true);
    else if (type === RecordType.EOE || (type === RecordType.PROCTITLE && isWhole(event)))
      this.#close(event);
  }

  /** Whether a record may come after its event was closed: EOE, and the system call by which a message was sent. */
  #isExpected(type: number, serial: number): boolean {
    return type === RecordType.EOE || (this.#open.wasEarly(serial) && !isStandalone(type));
  }

  #add(event: AuditEvent, type: number, bytes: Buffer, at: number, end: number): void {
    let sound = true;
    switch (type) {
      case RecordType.SYSCALL:
      case RecordType.URINGOP: {
        const syscall = type === RecordType.SYSCALL ? this.#records.syscall(bytes, at, end) : null;
        // That of io_uring has no machine and no number of a system call.
        if (syscall === null || event.syscall !== null) sound = type === RecordType.URINGOP;
        else {
          event.syscall = syscall;
          sound = this.#records.sound;
        }
        if (type === RecordType.URINGOP) this.#message(event, type, bytes, at, end);
        break;
      }
      case RecordType.PATH: {
        const path = this.#records.path(bytes, at, end);
        sound = path !== null && putPath(event.paths, path) && this.#records.sound;
        break;
      }
      case RecordType.EXECVE:
        event.args ??= new Arguments();
        sound = event.args.add(bytes, at, end, this.#maxText);
        break;
      case RecordType.CWD:
        event.cwd = this.#records.cwd(bytes, at, end);
        sound = this.#records.sound;
        break;
      case RecordType.PROCTITLE:
        if (event.args !== null) break;
        event.proctitle = this.#records.proctitle(bytes, at, end);
        sound = this.#records.sound;
        break;
      case RecordType.OPENAT2:
        event.openFlags = this.#records.openFlags(bytes, at, end);
        break;
      case RecordType.SOCKADDR:
        event.endpoint = this.#records.endpoint(bytes, at, end);
        sound = this.#records.sound;
        break;
      default:
        if (!isPartOfSyscall(type)) this.#message(event, type, bytes, at, end);
    }
    if (sound) return;
    this.faults.malformed++;
    event.partial = true;
  }

  #message(event: AuditEvent, type: number, bytes: Buffer, at: number, end: number): void {
    if (event.messages.length < MAX_MESSAGES)
      event.messages.push(this.#messages.decode(type, bytes, at, end));
    else event.partial = true;
  }

  /** A record that could not be taken from where it came from: too long, or cut. */
  unreadable(): void {
    this.faults.malformed++;
    this.faults.unreadable++;
  }

  /** Close what has waited long enough, and settle the serial numbers. */
  expire(now: number): void {
    let oldest = this.#open.oldest();
    while (oldest !== null && now - oldest.since >= WAIT_MS) {
      this.#close(oldest);
      oldest = this.#open.oldest();
    }
    this.serials.settle(now);
  }

  /** Nothing more comes: close all. */
  close(): void {
    while (this.#open.size > 0) this.#closeOldest();
    this.serials.close();
  }

  #closeOldest(): void {
    const oldest = this.#open.oldest();
    if (oldest !== null) this.#close(oldest);
  }

  #close(event: AuditEvent, early = false): void {
    this.#open.close(event, early);
    const { syscall, paths } = event;
    if (syscall === null && event.messages.length === 0) {
      this.#sink.incomplete(event);
      return;
    }
    if (syscall?.items != null) {
      for (; (paths.at(-1)?.item ?? -1) >= syscall.items; paths.pop()) {
        this.faults.malformed++;
        event.partial = true;
      }
      if (paths.length < syscall.items) event.partial = true;
    }
    if (event.args !== null && !event.args.whole) event.partial = true;
    this.#sink.event(event);
  }
}

/** Whether all came that its records say there is. */
const isWhole = ({ syscall, paths, args }: AuditEvent): boolean =>
  syscall !== null && paths.length >= (syscall.items ?? 0) && args?.whole !== false;

function newEvent(ms: number, serial: number, since: number): AuditEvent {
  return {
    ms,
    serial,
    syscall: null,
    args: null,
    cwd: null,
    paths: [],
    messages: [],
    proctitle: null,
    openFlags: null,
    endpoint: null,
    partial: false,
    since,
  };
}
