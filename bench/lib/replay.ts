/** The way of a command from the kernel's ring on, without a kernel: assembler and ring file alone. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { RecordFlag, RecordHeader, TextRecord } from '../../native/events.ts';
import { RingWriter } from '../../tables/ring/writer.ts';
import { capture } from '../../tables/shell_history_live/capture.ts';
import {
  ContextLayout,
  ShellRecord,
  StatusLayout,
} from '../../tables/shell_history_live/records.ts';
import type { Finding } from './report.ts';

const ROUNDS = 5;
const COMMANDS = 500_000;
const LINE = 200;
/** Commands of one pass over the kernel's ring. */
const PASS = 1000;
const RING_BYTES = 16 * 1024 * 1024;
const CWD = 'bench\0home\0';
const START_TIME = 3_600_000_000_000n;

interface Place {
  readonly at: number;
  readonly length: number;
}

/** CPU of this process for a million commands of 200 bytes, s. */
export async function replay(): Promise<Finding[]> {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'replay-'));
  try {
    const writer = new RingWriter({ directory, spec: capture.spec, capacity: RING_BYTES });
    feed(writer, COMMANDS / 10); // compiled by then
    const rounds = Array.from({ length: ROUNDS }, () => {
      const before = process.cpuUsage();
      feed(writer, COMMANDS);
      const { user, system } = process.cpuUsage(before);
      return (user + system) / COMMANDS;
    });
    writer.close();
    const what = 'CPU of 1,000,000 commands: assembler and ring file, without BPF';
    return [{ what, rounds, unit: 's', digits: 2 }];
  } finally {
    fs.rmSync(directory, { recursive: true });
  }
}

function feed(writer: RingWriter, commands: number): void {
  const assembler = capture.assembler({
    target: () => ({ program: 'bash', path: '/usr/bin/bash' }),
    bootToUnix: 1_800_000_000_000_000_000n,
    maxText: 1024 * 1024,
  });
  const { view, records } = command();
  let seq = 0;
  for (let n = 0; n < commands; n++) {
    for (const { at, length } of records) {
      view.setUint32(at + RecordHeader.seq, seq++, true);
      const event = assembler.accept(view, at, length);
      if (event === 'unreadable') throw new Error('the benchmark makes wrong records');
      if (event !== null) writer.add(event);
    }
    if (n % PASS === 0) writer.publish();
  }
}

/** The three records of a command, as bpf/shell.bpf.c puts them one after another. */
function command(): { view: DataView; records: readonly Place[] } {
  const lengths = [
    [ShellRecord.CONTEXT, ContextLayout.cwd + CWD.length],
    [ShellRecord.LINE, TextRecord.text + LINE],
    [ShellRecord.END, StatusLayout.size],
  ] as const;
  const bytes = Buffer.alloc(4096);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  const records = lengths.map(([type, length], i) => {
    const place = { at, length };
    view.setUint8(at + RecordHeader.type, type);
    view.setBigUint64(at + RecordHeader.time, START_TIME + BigInt(i), true);
    view.setUint32(at + RecordHeader.tgid, 4711, true);
    at += Math.ceil(length / 8) * 8;
    return place;
  });
  const [context, line, end] = records;
  if (!context || !line || !end) throw new Error('no records');
  view.setUint32(context.at + ContextLayout.cwd_size, CWD.length, true);
  view.setUint32(context.at + ContextLayout.cwd_whole, 1, true);
  bytes.write('pts0', context.at + ContextLayout.tty);
  bytes.write(CWD, context.at + ContextLayout.cwd);
  view.setUint16(line.at + RecordHeader.flags, RecordFlag.LAST, true);
  view.setUint32(line.at + TextRecord.size, LINE, true);
  view.setUint32(line.at + TextRecord.total, LINE, true);
  view.setBigUint64(end.at + StatusLayout.started, START_TIME + 1n, true);
  bytes.fill('x', line.at + TextRecord.text, line.at + TextRecord.text + LINE);
  return { view, records };
}
