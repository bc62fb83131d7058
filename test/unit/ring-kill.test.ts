import { spawnSync } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { RingReader } from '../../tables/ring/reader.ts';
import { RingWriter, STEPS, type Step } from '../../tables/ring/writer.ts';
import { makeDirectory, removeDirectories } from '../fixtures/ring-directory.ts';
import { checksum, ringRow, ringTable as spec } from '../fixtures/ring-table.ts';

afterEach(removeDirectories);

const CAPACITY = 65_536;
const HEADER = 4096;
const open = (directory: string, onStep: (step: Step) => void = () => {}) =>
  new RingWriter({ directory, spec, capacity: CAPACITY, onStep });

// Rows 0..299 wrap around more than once; 118 to 122 pass the end of the data area with a pad.
test.each(STEPS)('a writer that ends after the step %s leaves a ring to go on with', (step) => {
  for (let target = 100; target < 300; target += target < 130 ? 1 : 13) {
    const directory = makeDirectory();
    let n = 0;
    const writer = open(directory, (done) => {
      if (n === target && done === step) throw new Error('end');
    });
    const first = writer.nextEid;
    for (; n < target; n++) writer.append(ringRow(n));
    expect(() => writer.append(ringRow(n))).toThrow('end');
    const { head, tail, path } = writer;
    if (step === 'tail' || step === 'pad') {
      // Any part of the row may have been written: what head does not cover is nothing.
      const fd = openSync(path, 'r+');
      const at = head % CAPACITY;
      writeSync(fd, Buffer.alloc(Math.min(40, CAPACITY - at), 0xee), 0, undefined, HEADER + at);
      closeSync(fd);
    }
    writer.close();
    const published = target + (step === 'head' ? 1 : 0);
    const reader = new RingReader({ directory, spec });
    const next = open(directory);
    expect(next.setAside).toBeNull();
    expect(next.nextEid).toBe(first + published);
    const eid = next.append(ringRow(published));
    const rows = Array.from(reader.range(), (record) => record.values());
    const kept = rows.length;
    expect(rows.map((row) => row[0])).toEqual(
      Array.from({ length: kept }, (_, i) => eid - kept + 1 + i),
    );
    for (const row of rows) expect(row.at(-1)).toBe(checksum(row));
    expect(next.tail).toBeGreaterThanOrEqual(tail);
    expect(next.ledger()).toMatchObject({
      events_stored: published + 1,
      overwritten: published + 1 - kept,
    });
    next.close();
    reader.close();
    removeDirectories();
  }
});

test.each(STEPS)(
  'a process killed by the kernel after the step %s loses nothing published',
  (step) => {
    const directory = makeDirectory();
    const child = join(__dirname, '../fixtures/ring-child.ts');
    const rows = 400;
    const { signal, stderr } = spawnSync(
      process.execPath,
      [child, 'kill', directory, String(CAPACITY), String(rows), step],
      { encoding: 'utf8' },
    );
    expect([signal, stderr]).toEqual(['SIGKILL', '']);
    const reader = new RingReader({ directory, spec });
    const times = Array.from(reader.range(), (record) => {
      expect(record.value(6)).toBe(checksum(record.values()));
      return record.timeNs;
    });
    const published = rows - (step === 'head' ? 0 : 1);
    expect(times.at(-1)).toBe(ringRow(published - 1)[1]);
    const last = reader.lastEid() ?? 0;
    const writer = open(directory);
    expect(writer.setAside).toBeNull();
    expect(writer.ledger().events_stored).toBe(published);
    expect(writer.append(ringRow(published))).toBe(last + 1);
  },
);
