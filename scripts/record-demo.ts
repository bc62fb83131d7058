/**
 * Records the kernel's side of the demo into test/fixtures/shell/demo.records, with what must come of it in
 * demo.json: for machines where the demo may not use BPF, and for the tests. Run as root after a build, when
 * bpf/shell.h has changed: `node scripts/record-demo.ts`.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Collector } from '../tables/collector/collector.ts';
import { recordBytes } from '../tables/collector/recording.ts';
import { captures } from '../tables/index.ts';
import { typeDemo } from './demo-session.ts';

const root = path.dirname(import.meta.dirname);
const stateDir = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'record-')), 'state');
const records: Buffer[] = [];
const collector = Collector.start({
  stateDir,
  assetsDir: path.join(root, 'build/bpf'),
  captures,
  keepCapture: false,
  log: (line) => process.stderr.write(`${line}\n`),
  onRecord: (view, offset, length) => {
    records.push(recordBytes(view, offset, length));
  },
});
if (!collector || collector.failure) throw new Error(collector?.failure ?? 'no collector');
await typeDemo();
await new Promise((resolve) => setTimeout(resolve, 100));
collector.stop();
const file = path.join(root, 'test/fixtures/shell/demo.records');
fs.mkdirSync(path.dirname(file), { recursive: true });
fs.writeFileSync(file, Buffer.concat(records));
process.stdout.write(`${records.length} records in ${path.relative(root, file)}\n`);
