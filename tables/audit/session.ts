/**
 * The kernel's audit while a collector runs: one netlink socket, of which every record goes to the rows of up to
 * three tables. We only listen: auditd stays who it is, and what is not asked for by rules does not come.
 *
 * Nothing outlives this process but a number: the serial number that comes next. It is the source of the rows
 * in the ring files and in a checkpoint, so what the kernel recorded while nobody collected shows as a gap.
 */

import type { Value } from '../../extension/sdk/spec.ts';
import { mapped, NETLINK_AUDIT, READLOG_GROUPS } from '../../native/audit-control.ts';
import { bootToUnix } from '../../native/clock.ts';
import { LiveAuditError } from '../../native/errors.ts';
import { RingWaker } from '../../native/kernel-ring.ts';
import { NetlinkSocket } from '../../native/netlink.ts';
import { SHORT_PAUSE_MS } from '../../native/ring-pace.ts';
import { CheckpointFile } from '../collector/checkpoint.ts';
import type { ProbeState } from '../collector/probe-state.ts';
import type { SourceOptions, SourceSession } from '../collector/source.ts';
import { Trouble } from '../collector/trouble.ts';
import { guardedRedactor, type Redaction, textWithheld } from '../redact/guarded.ts';
import type { Redactor } from '../redact/redactor.ts';
import { bootEpoch, SerialPosition } from './boot.ts';
import { Containers } from './containers.ts';
import { EventAssembler } from './events.ts';
import { KernelLosses } from './kernel-losses.ts';
import { acceptMessage } from './netlink-record.ts';
import { AuditRows, type AuditTable, tablesOfIncomplete } from './rows.ts';
import { TableLedger } from './table-ledger.ts';
import type { AuditWorld } from './world.ts';

/** What may wait in the kernel for us: a bound that takes no memory before it is needed. */
const RECEIVE_BYTES = 64 * 1024 * 1024;
/** So much at once; then others have their turn, and 10 ms later it goes on. */
const BATCHES_A_DRAIN = 128;

const FILE = 'audit';
const NS_PER_S = 1e9;
const MS_PER_S = 1000;

export class AuditSession implements SourceSession {
  readonly #tables = new Map<AuditTable, TableLedger>();
  readonly #log: (line: string) => void;
  readonly #socket: NetlinkSocket;
  readonly #waker: RingWaker;
  readonly #assembler: EventAssembler;
  readonly #checkpoint: CheckpointFile;
  readonly #losses: KernelLosses;
  readonly #epoch = bootEpoch();
  readonly #position: SerialPosition;
  readonly #containers = new Containers();
  readonly #world: AuditWorld & { bootTime: number };
  readonly #trouble: Trouble;
  #records = 0;
  #missing = 0;
  #unreadable = 0;
  #saved = -1;

  /** @throws LiveAuditError AUDIT, AUDIT_DENIED */
  constructor({ writers, stateDir, maxText, redaction, log }: SourceOptions) {
    this.#log = log;
    this.#trouble = new Trouble(log);
    this.#socket = mapped('listen', () => new NetlinkSocket(NETLINK_AUDIT, READLOG_GROUPS));
    try {
      this.#socket.setReceiveBuffer(RECEIVE_BYTES);
      this.#losses = new KernelLosses(this.#socket);
      this.#checkpoint = new CheckpointFile(stateDir, FILE);
      for (const [table, writer] of writers) {
        this.#tables.set(table as AuditTable, new TableLedger(writer, this.#epoch));
      }
      const next = this.#resume();
      this.#position = new SerialPosition(next);
      this.#world = {
        maxText,
        redactor: redaction === null ? undefined : this.#redactor(redaction),
        bootTime: Number(bootToUnix()) / NS_PER_S,
        container: (pid) => this.#containers.of(pid),
      };
      const rows = new AuditRows(this.#world, (table, row) => this.#store(table, row));
      this.#assembler = new EventAssembler(
        {
          event: (event) => {
            this.#position.see(event.serial);
            rows.add(event);
          },
          incomplete: (event) => {
            for (const table of tablesOfIncomplete(event))
              this.#tables.get(table)?.lose('lost_incomplete', 1);
          },
        },
        maxText,
        next === null ? null : next % 2 ** 32,
      );
      this.#waker = new RingWaker(this.#socket.fd, () => this.#drain());
    } catch (error) {
      this.#socket.close();
      throw error;
    }
  }

  /** What it cannot tell the secrets of is not stored; nobody knows of which table it was. */
  #redactor(redaction: Redaction): Redactor {
    const trouble = new Trouble(this.#log);
    return guardedRedactor('shell', redaction, (error) => {
      for (const ledger of this.#tables.values()) ledger.withheld();
      trouble.tell(textWithheld(error));
    });
  }

  /** Where the last collector of this boot stopped: how many serial numbers had come; null where nobody knows. */
  #resume(): number | null {
    const checkpoint = this.#checkpoint.read();
    const known = [...this.#tables.values()].map(({ resumed }) => resumed);
    if (checkpoint?.epoch === this.#epoch) known.push(checkpoint.position);
    const next = Math.max(-1, ...known);
    return next < 0 ? null : next;
  }

  #store(table: AuditTable, row: readonly Value[]): void {
    const ledger = this.#tables.get(table);
    if (ledger === undefined) return; // switched off
    try {
      ledger.add(row, this.#position.value);
    } catch (error) {
      const reason = error instanceof LiveAuditError ? error.line : String(error);
      this.#trouble.tell(`${table}: events are not stored, and counted as lost_store: ${reason}`);
    }
  }

  /** Take what the socket holds. */
  /** @returns how long the next look may wait, ms; 0: nothing was there */
  #drain(): number {
    const now = performance.now();
    const before = this.#records;
    for (let batch = 0; batch < BATCHES_A_DRAIN; batch++) {
      const { count, overrun } = this.#socket.receive((bytes, start, end, truncated) => {
        this.#records++;
        if (truncated) this.#assembler.unreadable();
        else acceptMessage(this.#assembler, bytes, start, end, now);
      });
      if (count === 0 && !overrun) break;
    }
    for (const ledger of this.#tables.values()) ledger.publish();
    return this.#records > before ? SHORT_PAUSE_MS : 0; // the socket's room is small
  }

  tick(): void {
    this.#drain();
    this.#world.bootTime = Number(bootToUnix()) / NS_PER_S;
    this.#assembler.expire(performance.now());
    this.#count();
    this.#save();
    this.#trouble.overIfQuiet((times) => `audit events are stored again; ${times} were not`);
  }

  /** What cannot be said to be of one table is counted for each: it may have been of any. */
  #count(): void {
    const { missing } = this.#assembler.serials;
    const { unreadable } = this.#assembler.faults;
    const kernel = this.#losses.read();
    for (const ledger of this.#tables.values()) {
      ledger.lose('lost_gap', missing - this.#missing);
      ledger.lose('lost_decode', unreadable - this.#unreadable);
      ledger.lose('lost_kernel', kernel);
      ledger.publish();
    }
    if (missing > this.#missing)
      this.#log(`audit: ${missing - this.#missing} events did not come (lost_gap)`);
    this.#missing = missing;
    this.#unreadable = unreadable;
  }

  #save(): void {
    const { next } = this.#assembler.serials;
    if (next === null) return;
    const position = this.#position.at(next);
    if (position === this.#saved) return;
    try {
      this.#checkpoint.write({ epoch: this.#epoch, position, state: null });
      this.#saved = position;
    } catch (error) {
      this.#trouble.tell(`audit: no checkpoint: ${(error as Error).message}`);
    }
  }

  probeStates(): ProbeState[] {
    const { ms } = this.#assembler;
    return [...this.#tables.keys()].map((table) => ({
      table_name: table,
      target: 'netlink: audit',
      build_id: null,
      symbol: 'AUDIT_NLGRP_READLOG',
      hook: null,
      offset: null,
      state: 'attached',
      hits: this.#records,
      lost: this.#losses.records,
      last_event_time: this.#records === 0 ? null : Math.floor(ms / MS_PER_S),
      last_error: this.#losses.problem,
    }));
  }

  close(): void {
    this.#waker.close();
    this.#drain();
    this.#assembler.close();
    this.#count();
    this.#save();
    this.#checkpoint.close();
    this.#losses.close();
    this.#socket.close();
  }
}
