/** A full ring of a million shell commands, served: `events.ts SOCKET DIRECTORY ROWS`, for bench/push-down.ts. */
import { serveExtension } from '../../extension/sdk/extension.ts';
import { EventTable } from '../../tables/event-table.ts';
import { RingWriter } from '../../tables/ring/writer.ts';
import { spec } from '../../tables/shell_history_live/spec.ts';

/** What the rows below take, rounded up; the ring's size is a power of two. */
const ROW_BYTES = 448;
const NS_PER_S = 1_000_000_000n;
/** Commands a second, as far back as they go. */
const RATE = 10;
/** Rows of one pid and of one uid. */
const PER_PID = 5;
const UIDS = 100_000;

const [socket = '', directory = '', count] = process.argv.slice(2);
const rows = Number(count);
const capacity = 2 ** Math.floor(Math.log2(rows * ROW_BYTES));
const writer = new RingWriter({ directory, spec, capacity });
const now = BigInt(Date.now()) * 1_000_000n;

function write(row: number): void {
  const at = now - (BigInt(written - row) * NS_PER_S) / BigInt(RATE);
  const values: { [column: string]: string | number | bigint } = {
    time: at / NS_PER_S,
    time_ns: at,
    uptime: row,
    shell: 'bash',
    shell_path: '/usr/bin/bash',
    source: 'prompt',
    command: `ls -l /srv/data/${row} | grep -v total`,
    command_length: 40,
    truncated: 0,
    exit_code: row % 3,
    duration: 1_234_567 + row,
    status: 'done',
    pid: Math.floor(row / PER_PID),
    parent: 1,
    uid: row % UIDS,
    euid: row % UIDS,
    tty: `pts/${row % 64}`,
    cwd: '/home/someone',
  };
  writer.append(spec.columns.map(({ name }) => values[name] ?? null));
}

// Twice around, so that the ring is full and its oldest rows are gone.
const written = rows * 2;
for (let row = 0; row < written; row++) write(row);
writer.close();

await serveExtension({
  socket,
  name: 'events',
  version: '1.0.0',
  timeout: 3,
  interval: 3,
  log: () => {},
  tables: [new EventTable(directory, spec)],
});
