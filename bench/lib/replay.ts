/** The way of events from the kernel's ring on, without a kernel: assembler, redaction and ring file alone. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Assembler, Capture } from '../../tables/collector/capture.ts';
import { capture as mysql } from '../../tables/mysql_queries/capture.ts';
import { capture as postgres } from '../../tables/postgres_queries/capture.ts';
import { Protocol } from '../../tables/postgres_queries/records.ts';
import { guardedRedactor } from '../../tables/redact/guarded.ts';
import { RingWriter } from '../../tables/ring/writer.ts';
import { capture as shell } from '../../tables/shell_history_live/capture.ts';
import { contextLength, ShellRecord } from '../../tables/shell_history_live/records.ts';
import { Client, viewOf } from '../../test/fixtures/mysql/records.ts';
import { Backend } from '../../test/fixtures/postgres/records.ts';
import { Shell } from '../../test/fixtures/shell/records.ts';
import type { Finding } from './report.ts';

const ROUNDS = 7;
const EVENTS = 500_000;
const WARM_UP = 100_000;
/** Events between two looks at the kernel's ring. */
const PASS = 1000;
const MEMORY_BYTES = 16 * 1024 * 1024;
const RING_BYTES = 16 * 1024 * 1024;
const CONNECTIONS = [1, 2, 3, 4];
const COMMANDS = 64;
const HEADER_BYTES = 8;
const LINE = 'echo the quick brown fox jumps over the lazy dog; '.repeat(4);
const SELECT = 'SELECT abalance FROM pgbench_accounts WHERE aid = 123456;';
const POINT_SELECT = 'SELECT c FROM sbtest1 WHERE id=50123';

interface Case {
  readonly what: string;
  readonly capture: Capture;
  readonly program: string;
  /** What comes once, before the events. */
  readonly before: readonly Buffer[];
  readonly records: readonly Buffer[];
  /** Records that make an event. */
  readonly each: number;
}

/** CPU of this process for a million events, s. */
export async function replay(): Promise<Finding[]> {
  return cases().map((one) => {
    const rounds = secondsPerMillion(one);
    return { what: `CPU of 1,000,000 without BPF: ${one.what}`, rounds, unit: 's', digits: 2 };
  });
}

function cases(): readonly Case[] {
  const commands: Buffer[] = [];
  const typed = new Shell(4711, commands);
  for (let i = 0; i < COMMANDS; i++) typed.context().line(LINE).start().end();
  const backends = CONNECTIONS.map((pid) => new Backend(pid).identity({ application: 'pgbench' }));
  const identities = backends.flatMap(({ records }) => records.splice(0));
  const selects = (options: object) => {
    for (const backend of backends) backend.statement(SELECT, { tag: 1, rows: 1n, ...options });
    return backends.flatMap(({ records }) => records.splice(0));
  };
  const clients = CONNECTIONS.map((id) => new Client([], id, 0x7f00_0000_0000 + 4096 * id));
  const who = clients.flatMap((client) => client.identity().records.splice(0));
  for (const client of clients) client.query(POINT_SELECT, { rowsSent: 1 });
  const points = clients.flatMap(({ records }) => records);
  const pg = { capture: postgres, program: 'postgres', before: identities, each: 1 };
  const prepared = { protocol: Protocol.EXTENDED, name: 'P0_1' };
  return [
    {
      ...{ what: 'commands of 200 bytes', capture: shell, program: 'bash', before: [] },
      ...{ records: commands.map(used), each: 3 },
    },
    { ...pg, what: 'PostgreSQL, simple protocol', records: selects({}) },
    { ...pg, what: 'PostgreSQL, prepared', records: selects(prepared) },
    {
      ...{ what: 'MariaDB, texts', capture: mysql, program: 'mariadb', before: who },
      ...{ records: points, each: 1 },
    },
  ];
}

/** A context is sent as far as it is used. */
function used(record: Buffer): Buffer {
  const view = viewOf(record);
  return view.getUint8(0) === ShellRecord.CONTEXT
    ? record.subarray(0, contextLength(view, 0))
    : record;
}

function secondsPerMillion({ capture, program, before, records, each }: Case): number[] {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'replay-'));
  const writer = new RingWriter({ directory, spec: capture.spec, capacity: RING_BYTES });
  try {
    writer.beginEpoch(1n);
    const target = { program, path: `/usr/bin/${program}`, file: '/bin/true' };
    const assembler = capture.assembler({
      ...{ target: () => target, bootToUnix: 1_700_000_000_000_000_000n, maxText: 1024 * 1024 },
      redactor: guardedRedactor(capture.dialect, { rules: [] }, fail),
    });
    const first = new Memory(before);
    for (let n = 0; n < before.length; n++) first.hand(n, assembler);
    const memory = new Memory(records);
    let position = 0;
    const feed = (events: number) => {
      for (let n = 0; n < events * each; n++) {
        const event = memory.hand(n, assembler);
        position += HEADER_BYTES;
        if (event === 'unreadable') throw new Error('the benchmark makes wrong records');
        if (event !== null) writer.add(event, position);
        if (n % PASS === 0) {
          writer.publish();
          assembler.detach?.();
        }
      }
    };
    feed(WARM_UP); // compiled by then
    return Array.from({ length: ROUNDS }, () => {
      const begin = process.cpuUsage();
      feed(EVENTS);
      const { user, system } = process.cpuUsage(begin);
      return (user + system) / EVENTS;
    });
  } finally {
    writer.close();
    fs.rmSync(directory, { recursive: true });
  }
}

const fail = (error: unknown): never => {
  throw error;
};

/** The same records again and again, all over a memory as large as the kernel's ring. */
class Memory {
  readonly #view: DataView;
  readonly #offsets: number[] = [];
  readonly #lengths: readonly number[];

  constructor(records: readonly Buffer[]) {
    const bytes = new Uint8Array(MEMORY_BYTES);
    this.#view = new DataView(bytes.buffer);
    this.#lengths = records.map(({ length }) => length);
    const turn = records.reduce((sum, { length }) => sum + HEADER_BYTES + length + 7, 0);
    for (let at = 0; records.length > 0 && at + turn <= bytes.length; ) {
      for (const record of records) {
        bytes.set(record, at + HEADER_BYTES);
        this.#offsets.push(at + HEADER_BYTES);
        at += (HEADER_BYTES + record.length + 7) & ~7;
      }
    }
  }

  hand(n: number, assembler: Assembler): ReturnType<Assembler['accept']> {
    const offset = this.#offsets[n % this.#offsets.length] ?? 0;
    return assembler.accept(this.#view, offset, this.#lengths[n % this.#lengths.length] ?? 0);
  }
}
