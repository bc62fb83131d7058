import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { RingWriter } from '../../tables/ring/writer.ts';
import { makeDirectory, removeDirectories } from '../fixtures/ring-directory.ts';
import { ringRow, ringTable as spec } from '../fixtures/ring-table.ts';

afterEach(removeDirectories);

const child = join(__dirname, '../fixtures/ring-child.ts');

/** Read in another process until the row before `end`. */
async function follow(directory: string, first: number, rows: number) {
  const reader = spawn(process.execPath, [child, 'read', directory, String(first), String(rows)]);
  let out = '';
  reader.stdout.on('data', (data) => {
    out += data;
  });
  await new Promise((resolve) => reader.on('close', resolve));
  return JSON.parse(out) as Record<string, number | string>;
}

// The small ring is overwritten again and again while it is read, the large one never.
test.each([
  [65_536, 60_000],
  [2 ** 20, 60_000],
  [2 ** 25, 30_000],
])(
  'readers beside a writer at full speed in a ring of %i bytes see no torn row',
  async (capacity, rows) => {
    const directory = makeDirectory();
    const writer = new RingWriter({ directory, spec, capacity });
    const first = writer.nextEid;
    const prepared = Array.from({ length: rows }, (_, n) => ringRow(n));
    const readers = [follow(directory, first, rows), follow(directory, first, rows)];
    for (let n = 0; n < rows; n++) {
      writer.append(prepared[n] ?? []);
      // Let the readers begin, then let go of the processor now and then.
      if (n % 5000 === 0) await new Promise((resolve) => setTimeout(resolve, n === 0 ? 300 : 5));
    }
    const { overwritten } = writer.ledger();
    for (const seen of await Promise.all(readers)) {
      expect(seen).toMatchObject({ torn: 0, disorder: 0, damage: '' });
      expect(Number(seen.rows) + Number(seen.missing)).toBe(rows);
      expect(Number(seen.missing)).toBeLessThanOrEqual(overwritten);
      expect(Number(seen.overtaken)).toBeLessThanOrEqual(Number(seen.missing));
      expect(Number(seen.rows)).toBeGreaterThan(100);
      if (capacity === 2 ** 25) expect(seen).toMatchObject({ rows, missing: 0, overtaken: 0 });
    }
  },
);
