/** The audit tables over files as auditd writes them, in place of the rings. */
import fs from 'node:fs';
import type { QueryContext, Row, Table } from '../../extension/sdk/context.ts';
import type { TableSpec, Value } from '../../extension/sdk/spec.ts';
import { summaryTable } from '../audit_summary/table.ts';
import type { Redactor } from '../redact/redactor.ts';
import { type AuditEvent, EventAssembler, type Faults } from './events.ts';
import { LogFile } from './log-file.ts';
import { AuditRows, type AuditTable, auditSpecs, type RowSink } from './rows.ts';
import { pastWorld } from './world.ts';

/** What was in the files, and what of it made no sense. */
export interface LogReport extends Readonly<Faults> {
  readonly lines: number;
  readonly events: number;
  /** Events of which the record that says what they are did not come. */
  readonly incomplete: number;
  /** Serial numbers that are left out. */
  readonly missing: number;
}

/**
 * Read files, in the order of their records, and give their rows.
 * @param sink gets each row; it is valid only during the call
 * @param redactor absent: texts stay as they are
 * @throws what opening and reading a file throws
 */
export function* readLogs(
  files: readonly string[],
  maxText: number,
  sink: RowSink,
  redactor?: Redactor,
): Generator<void, LogReport, undefined> {
  let events = 0;
  let incomplete = 0;
  const log = new LogFile(() => {
    const rows = new AuditRows(pastWorld(maxText, redactor), sink);
    return new EventAssembler(
      {
        event: (event: AuditEvent) => {
          events++;
          rows.add(event);
        },
        incomplete: () => {
          incomplete++;
        },
      },
      maxText,
    );
  });
  for (const file of files) {
    const fd = fs.openSync(file, 'r');
    try {
      yield* log.read(fd);
    } finally {
      fs.closeSync(fd);
    }
  }
  for (const assembler of log.assemblers) assembler.close();
  yield;
  const sum = (of: (assembler: EventAssembler) => number) =>
    log.assemblers.reduce((total, assembler) => total + of(assembler), 0);
  return {
    lines: log.lines,
    events,
    malformed: sum(({ faults }) => faults.malformed),
    unreadable: sum(({ faults }) => faults.unreadable),
    repeated: sum(({ faults }) => faults.repeated),
    incomplete,
    missing: sum(({ serials }) => serials.missing),
  };
}

/** Rows are numbered from 1: each time the table is asked, the files are read. */
class LogTable implements Table {
  readonly spec: TableSpec;
  readonly #files: readonly string[];
  readonly #maxText: number;
  readonly #redactor: Redactor | undefined;

  constructor(
    spec: TableSpec,
    files: readonly string[],
    maxText: number,
    redactor: Redactor | undefined,
  ) {
    this.spec = spec;
    this.#files = files;
    this.#maxText = maxText;
    this.#redactor = redactor;
  }

  *generate(context: QueryContext): Generator<Row, void, undefined> {
    const wanted = context.columns.map(({ name }) =>
      this.spec.columns.findIndex((column) => column.name === name),
    );
    const eid = this.spec.columns.findIndex(({ name }) => name === 'eid');
    let pending: Value[][] = [];
    let count = 0;
    const take = (table: AuditTable, row: readonly Value[]) => {
      if (table !== this.spec.name) return;
      count++;
      pending.push(wanted.map((i) => (i === eid ? count : (row[i] ?? null))));
    };
    for (const _ of readLogs(this.#files, this.#maxText, take, this.#redactor)) {
      yield* pending;
      pending = [];
    }
  }
}

/** All audit tables over the same files, the summary too. */
export function logTables(files: readonly string[], maxText: number, redactor?: Redactor): Table[] {
  const events = auditSpecs.map((spec) => new LogTable(spec, files, maxText, redactor));
  return [...events, summaryTable(events)];
}
