/**
 * A plain text goes from the kernel's memory to the row without a Buffer. Its row is the one that the general
 * way makes: the same records where they lie at a word (the short way) and where they do not.
 */
import fc from 'fast-check';
import { RecordFlag } from '../../native/events.ts';
import type { Assembler } from '../../tables/collector/capture.ts';
import { type Event, eventRow, Slice } from '../../tables/event.ts';
import { MysqlAssembler } from '../../tables/mysql_queries/assemble.ts';
import { Command } from '../../tables/mysql_queries/records.ts';
import { spec as mysqlSpec } from '../../tables/mysql_queries/spec.ts';
import { PostgresAssembler } from '../../tables/postgres_queries/assemble.ts';
import { Known, Outcome, PostgresRecord, Protocol } from '../../tables/postgres_queries/records.ts';
import { spec as postgresSpec } from '../../tables/postgres_queries/spec.ts';
import { createRedactor } from '../../tables/redact/redactor.ts';
import { Client, world as mysqlWorld } from '../fixtures/mysql/records.ts';
import {
  Backend,
  bindMessage,
  world as postgresWorld,
  sources,
} from '../fixtures/postgres/records.ts';

const MAX_TEXT = 64;
const WORD = 4;

/** Records one behind the other as in the kernel's memory, each `shift` bytes behind a word. */
function* eventsAt(records: readonly Buffer[], shift: number, assembler: Assembler) {
  const step = (length: number) => (length + 2 * WORD) & -WORD;
  const total = records.reduce((sum, { length }) => sum + step(length), 2 * WORD);
  const memory = Buffer.from(new ArrayBuffer(total & -WORD));
  const view = new DataView(memory.buffer, 0, memory.length);
  let at = 0;
  for (const record of records) {
    record.copy(memory, at + shift);
    const event = assembler.accept(view, at + shift, record.length);
    if (event === 'unreadable') throw new Error('a record makes no sense');
    if (event !== null) yield event;
    at += step(record.length);
  }
}

const text = fc.oneof(
  fc.string({ unit: 'binary-ascii', maxLength: 2 * MAX_TEXT }),
  fc.string({ unit: 'grapheme', maxLength: MAX_TEXT }),
  fc.uint8Array({ maxLength: MAX_TEXT }).map((bytes) => Buffer.from(bytes).toString('latin1')),
  fc.constantFrom(
    "ALTER USER a IDENTIFIED BY 'sesame'",
    "select 'AKIAIOSFODNN7EXAMPLE'",
    "SET PASSWORD = 'sesame'",
    'x'.repeat(MAX_TEXT),
    'x'.repeat(MAX_TEXT + 1),
    '',
  ),
);

const raw = fc.uint8Array({ maxLength: MAX_TEXT }).map((bytes) => Buffer.from(bytes));
const bytesOrText = fc.oneof(text, raw);

/** Whether the text of an event went the short way. */
const isShort = (event: Event): boolean => event.some((cell) => cell instanceof Slice);

describe('mysql_queries', () => {
  const world = {
    ...{ ...mysqlWorld, maxText: MAX_TEXT },
    redactor: createRedactor({ dialect: 'mysql' }),
  };
  const rows = (records: readonly Buffer[], shift: number) => {
    const assembler = new MysqlAssembler(world, { containerOf: () => null });
    const events = eventsAt(records, shift, assembler);
    return Array.from(events, (event) => [isShort(event), eventRow(mysqlSpec, event)] as const);
  };

  const statement = fc.record({
    query: bytesOrText,
    command: fc.constantFrom(Command.QUERY, Command.STMT_PREPARE, Command.INIT_DB),
    error: fc.constantFrom(0, 0, 1064),
    rowsSent: fc.nat(),
    apart: fc.boolean(),
    to: fc.constantFrom(0, 0, 3),
  });

  test('the same rows at a word and beside it, in a record and in a packet', () => {
    let short = 0;
    const records = fc.array(statement, { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(records, fc.integer({ min: 1, max: WORD - 1 }), (statements, shift) => {
        const client = new Client().identity();
        const inRecords = new Client().identity();
        for (const [i, { query, command, error, rowsSent, apart, to }] of statements.entries()) {
          const options = { command, rowsSent, statementId: i, to };
          const bytes = Buffer.from(query);
          for (const each of [client, inRecords]) {
            each.error(error, '42000', `near '${query}'`);
            if (apart && each === client)
              each
                .packet(i + 1, bytes)
                .query('', { ...options, error, packet: i + 1, packetSize: bytes.length });
            else each.query(bytes, { ...options, error });
          }
        }
        const plain = rows(inRecords.records, 0);
        short += plain.filter(([isShort]) => isShort).length;
        const cells = plain.map(([, row]) => untimed(row));
        const beside = rows(inRecords.records, shift);
        expect(beside.filter(([isShort]) => isShort)).toEqual([]);
        expect(beside.map(([, row]) => untimed(row))).toEqual(cells);
        expect(rows(client.records, 0).map(([, row]) => untimed(row))).toEqual(cells);
      }),
      { numRuns: 1000 },
    );
    expect(short).toBeGreaterThan(100);
  });

  /** A packet of its own is a record more, and each takes its time in the fixture. */
  function untimed({ time: _, time_ns: __, uptime: ___, ...row }: Record<string, unknown>) {
    return row;
  }
});

describe('postgres_queries', () => {
  const world = {
    ...{ ...postgresWorld, maxText: MAX_TEXT },
    redactor: createRedactor({ dialect: 'postgres' }),
  };
  const rows = (records: readonly Buffer[], shift: number) => {
    const events = eventsAt(records, shift, new PostgresAssembler(world, sources));
    return Array.from(events, (event) => [isShort(event), eventRow(postgresSpec, event)] as const);
  };

  const statement = fc.record({
    query: bytesOrText,
    name: fc.option(fc.constantFrom('s1', 'prépared', '')),
    error: fc.option(text),
    bound: fc.option(text),
  });

  test('the same rows at a word and beside it, with what came before them and without', () => {
    let short = 0;
    const records = fc.array(statement, { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(records, fc.integer({ min: 1, max: WORD - 1 }), (statements, shift) => {
        const [all, alone, apart] = [new Backend(), new Backend(), new Backend()];
        for (const backend of [all, alone, apart]) backend.identity();
        for (const { query, name, error, bound } of statements) {
          const options = {
            ...{ tag: 1, rows: 3n, portal: 1n },
            ...(name !== null && { name, protocol: Protocol.EXTENDED }),
            ...(error !== null && { outcome: Outcome.FAILED, sqlstate: 7 }),
          };
          if (bound !== null)
            all.text(PostgresRecord.PARAMETERS, bindMessage([bound])).types(1n, [25]);
          if (error !== null) all.text(PostgresRecord.ERROR, error);
          all.statement(query, options);
          alone.statement(query, options);
          const bytes = Buffer.from(query);
          apart.text(PostgresRecord.TEXT, bytes, 16, RecordFlag.LAST);
          apart.statement(null, { ...options, known: Known.TEXT });
        }
        const plain = rows(alone.records, 0);
        short += plain.filter(([isShort]) => isShort).length;
        const cells = plain.map(([, row]) => row);
        const beside = rows(alone.records, shift);
        expect(beside.filter(([isShort]) => isShort)).toEqual([]);
        expect(beside.map(([, row]) => row)).toEqual(cells);
        const whole = rows(all.records, 0).map(([, row]) => row);
        expect(rows(all.records, shift).map(([, row]) => row)).toEqual(whole);
        const without = ({ error: _, parameters: __, ...row }: Record<string, unknown>) => row;
        expect(whole.map(without)).toEqual(cells.map(without));
        // An empty text in records of its own is one that could not be read.
        const isEmpty = statements.map(({ query }) => query.length === 0);
        const told = rows(apart.records, 0).map(([, row]) => row);
        expect(told.filter((_, i) => !isEmpty[i])).toEqual(cells.filter((_, i) => !isEmpty[i]));
      }),
      { numRuns: 1000 },
    );
    expect(short).toBeGreaterThan(100);
  });
});
