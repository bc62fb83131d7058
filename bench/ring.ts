/** What the ring file costs: `node bench/ring.ts [million rows]` prints a table. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineTable, type Value } from '../extension/sdk/spec.ts';
import { RingReader } from '../tables/ring/reader.ts';
import { RingWriter } from '../tables/ring/writer.ts';

const ROWS = Math.round(Number(process.argv[2] ?? 1) * 1_000_000);
const TEXTS = 10;
const text = 'x'.repeat(20);

// 20 columns: 10 integers, 10 texts of 20 bytes each.
const spec = defineTable({
  name: 'bench',
  description: 'Benchmark rows.',
  evented: true,
  columns: [
    { name: 'eid', type: 'BIGINT', description: 'Sequence.' },
    { name: 'time_ns', type: 'BIGINT', description: 'Unix ns.' },
    ...Array.from({ length: 8 }, (_, i) => ({
      name: `number_${i}`,
      type: 'BIGINT' as const,
      description: 'A number.',
    })),
    ...Array.from({ length: TEXTS }, (_, i) => ({
      name: `text_${i}`,
      type: 'TEXT' as const,
      description: 'A text.',
    })),
  ],
  examples: [],
});

const results: { what: string; value: string }[] = [];

function seconds(work: () => void): number {
  const start = process.hrtime.bigint();
  work();
  return Number(process.hrtime.bigint() - start) / 1e9;
}

function rate(what: string, rows: number, work: () => void): void {
  const time = seconds(work);
  const perSecond = Math.round(rows / time).toLocaleString('en');
  results.push({ what, value: `${perSecond}/s (${(time * 1000).toFixed(0)} ms)` });
}

function latency(what: string, work: () => void): void {
  const times = Array.from({ length: 1000 }, () => seconds(work) * 1e6).sort((a, b) => a - b);
  results.push({
    what,
    value: `median ${times[500]?.toFixed(1)} µs, p99 ${times[990]?.toFixed(1)} µs`,
  });
}

const directory = mkdtempSync(join(tmpdir(), 'ring-bench-'));
try {
  // Enough for all rows at 376 bytes each, so that the second round overwrites the first.
  const capacity = 2 ** Math.ceil(Math.log2(ROWS * 376));
  const writer = new RingWriter({ directory, spec, capacity });
  const values: Value[] = spec.columns.map(({ type }, i) => (type === 'TEXT' ? text : i * 1000));
  let time = 1_800_000_000_000_000_000n;
  const appendArrays = () => {
    for (let i = 0; i < ROWS; i++) {
      values[1] = time++;
      writer.append(values);
    }
  };
  rate('append, new file', ROWS, appendArrays);
  rate('append', ROWS, appendArrays);
  const asBytes = values.map((value) => (typeof value === 'string' ? Buffer.from(value) : value));
  rate('append, texts as bytes', ROWS, () => {
    for (let i = 0; i < ROWS; i++) {
      asBytes[1] = time++;
      writer.append(asBytes);
    }
  });
  rate('append, one text of 2000 bytes', ROWS / 10, () => {
    const long = values.with(19, 'y'.repeat(2000));
    for (let i = 0; i < ROWS / 10; i++) writer.append(long);
  });
  appendArrays();
  const reader = new RingReader({ directory, spec });
  let seen = 0;
  const scan = () => {
    for (const record of reader.range()) seen += record.length > 0 ? 1 : 0;
  };
  const kept = Math.round(capacity / 376);
  rate('first scan (with indexing)', kept, scan);
  rate('scan', kept, scan);
  rate('scan, newest first', kept, () => {
    for (const record of reader.newestFirst()) seen += record.length > 0 ? 1 : 0;
  });
  rate('scan, one number and one text of each', kept, () => {
    for (const record of reader.range()) {
      seen += Number(record.value(5)) + String(record.value(15)).length;
    }
  });
  const last = reader.lastEid() ?? 0;
  latency('eid > last - 10', () => {
    for (const record of reader.range({ fromEid: last - 9 })) seen += record.eid;
  });
  latency('time_ns > last - 10', () => {
    for (const record of reader.range({ fromTimeNs: time - 10n })) seen += record.eid;
  });
  latency('lastEid', () => {
    seen += reader.lastEid() ?? 0;
  });
  writer.close();
  rate('recovery of a full ring, records', kept, () =>
    new RingWriter({ directory, spec, capacity }).close(),
  );
  if (!(seen > 0)) throw new Error('the scans saw nothing');
  results.push({ what: 'ring', value: `${capacity / 2 ** 20} MiB, ${kept} records` });
  console.table(results);
} finally {
  rmSync(directory, { recursive: true });
}
