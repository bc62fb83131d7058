/** Records that make no sense: the decoder and the assembler end, throw nothing, and give sound rows. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { TextRecord } from '../../native/events.ts';
import { replay } from '../../tables/collector/recording.ts';
import { type Event, eventRow } from '../../tables/event.ts';
import { capture } from '../../tables/shell_history_live/capture.ts';
import {
  contextLength,
  ShellRecord,
  StatusLayout,
  shellRecordType,
  UNREADABLE,
} from '../../tables/shell_history_live/records.ts';
import { spec } from '../../tables/shell_history_live/spec.ts';
import { recording, Shell, viewOf, world } from '../fixtures/shell/records.ts';

const demo = readFileSync(join(__dirname, '../fixtures/shell/demo.records'));
const real: Buffer[] = [];
for (let at = 0; at < demo.length; at += 4 + demo.readUInt32LE(at))
  real.push(demo.subarray(at + 4, at + 4 + demo.readUInt32LE(at)));

const STATUSES = ['done', 'killed', 'exec', 'running at exit'];
const MAX_TEXT = 50;

/** Each byte that is no UTF-8 becomes four. */
const textLimit = (name: string): number => (name === 'cwd' ? 4 * 8192 : 4 * MAX_TEXT);

function expectSound(finished: Event): void {
  const event = eventRow(spec, finished);
  for (const { name, type } of spec.columns) {
    if (name === 'eid') continue;
    const value = event[name] ?? null;
    if (value === null) continue;
    if (type === 'TEXT') {
      if (typeof value !== 'string' || !value.isWellFormed()) throw new Error(`${name}: no text`);
      if (value.length > textLimit(name)) throw new Error(`${name}: ${value.length} characters`);
    } else if (typeof value !== 'bigint' && !Number.isInteger(value))
      throw new Error(`${name}: ${String(value)} is no integer`);
  }
  expect([0, 1]).toContain(event.truncated);
  expect(STATUSES).toContain(event.status);
  if (event.exit_code !== null) expect(event.exit_code).toBe(Number(event.exit_code) | 0);
}

/** The type of a record with other bytes around it that must not be read. */
function typeGuarded(bytes: Uint8Array, length = bytes.length): number {
  const around = new Uint8Array(bytes.length + 64).fill(0x5a);
  around.set(bytes, 32);
  const view = new DataView(around.buffer, 32, bytes.length);
  return shellRecordType(view, 0, length);
}

/** How many bytes of a record its own lengths speak of. */
function claimed(bytes: Buffer, type: number): number {
  if (type === ShellRecord.CONTEXT) return contextLength(viewOf(bytes), 0);
  const isText =
    type === ShellRecord.LINE || type === ShellRecord.EXPANDED || type >= ShellRecord.INPUT;
  return isText ? TextRecord.text + bytes.readUInt32LE(TextRecord.size) : StatusLayout.size;
}

const mutation = fc.record({ at: fc.nat(), value: fc.nat(255) });
const mutated = fc
  .tuple(fc.constantFrom(...real), fc.array(mutation, { maxLength: 8 }), fc.nat(9))
  .map(([record, mutations, cut]) => {
    const bytes = Buffer.from(record);
    // Most of a context is its empty path: half of the changes go to the header.
    for (const [i, { at, value }] of mutations.entries())
      bytes[at % (i % 2 === 0 ? Math.min(40, bytes.length) : bytes.length)] = value;
    return cut === 0 ? bytes.subarray(0, bytes.length >> 1) : bytes;
  });

test('the type of random bytes: none that is longer than they are', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(300), (bytes, length) => {
      const type = typeGuarded(bytes);
      if (type !== UNREADABLE)
        expect(claimed(Buffer.from(bytes), type)).toBeLessThanOrEqual(bytes.length);
      if (length > bytes.length) expect(typeGuarded(bytes, length)).toBe(UNREADABLE);
    }),
    { numRuns: 3000 },
  );
});

test('the type of real records with bytes changed, or cut: likewise', () => {
  fc.assert(
    fc.property(mutated, (bytes) => {
      const type = typeGuarded(bytes);
      if (type !== UNREADABLE) expect(claimed(bytes, type)).toBeLessThanOrEqual(bytes.length);
    }),
    { numRuns: 3000 },
  );
});

test('the assembler keeps nothing of the memory that it was given', () => {
  const assembler = capture.assembler(world);
  const memory = Buffer.alloc(Math.max(...real.map((record) => record.length)));
  const view = viewOf(memory);
  const events = real.flatMap((record) => {
    memory.set(record);
    const event = assembler.accept(view, 0, record.length);
    const row = event === null || event === 'unreadable' ? [] : [eventRow(spec, event)];
    assembler.detach?.();
    memory.fill(0xff);
    return row;
  });
  const { events: expected } = replay(demo, capture.assembler(world));
  expect(events).toEqual(expected.map((event) => eventRow(spec, event)));
  expect(events.length).toBeGreaterThan(0);
});

const anyText = fc.uint8Array({ maxLength: 80 }).map((array) => Buffer.from(array));
const textOptions = fc.record({
  last: fc.boolean(),
  readFailed: fc.boolean(),
  cut: fc.boolean(),
  total: fc.nat(0xffff_ffff),
});

/** One thing that a shell, or a loss, can do. */
const step = fc.oneof(
  fc
    .record({ late: fc.boolean(), tty: anyText.map((b) => b.subarray(0, 64)) })
    .map((options) => (shell: Shell) => shell.context({ ...options, cwd: ['a', options.tty] })),
  {
    weight: 4,
    arbitrary: fc.tuple(anyText, textOptions).map(
      ([text, options]) =>
        (shell: Shell) =>
          shell.line(text, options),
    ),
  },
  fc.tuple(anyText, textOptions).map(
    ([text, options]) =>
      (shell: Shell) =>
        shell.expanded(text, options),
  ),
  fc.constant((shell: Shell) => shell.expanded('')),
  fc.constant((shell: Shell) => shell.start()),
  fc
    .integer({ min: -0x8000_0000, max: 0x7fff_ffff })
    .map((n) => (shell: Shell) => shell.rejected(n)),
  fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }).map((n) => (shell: Shell) => shell.end(n)),
  fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }).map((n) => (shell: Shell) => shell.exit(n)),
  fc.constant((shell: Shell) => shell.exec()),
  fc.constant((shell: Shell) => shell.lose()),
);

const steps = fc.array(fc.tuple(fc.nat(2), step), { maxLength: 60 });

function recordsOf(taken: readonly (readonly [number, (shell: Shell) => unknown])[]): Buffer[] {
  const into: Buffer[] = [];
  const shells = [new Shell(1, into), new Shell(2, into), new Shell(0xffff_ffff, into)];
  for (const [n, act] of taken) {
    const shell = shells[n];
    if (shell) act(shell);
  }
  return into;
}

test('the assembler: any records in any order; as many rows as contexts, each sound', () => {
  fc.assert(
    fc.property(steps, (taken) => {
      const records = recordsOf(taken);
      const assembler = capture.assembler({ ...world, maxText: MAX_TEXT });
      const { events, unreadable } = replay(recording(records), assembler);
      const open = [...assembler.openPids];
      const abandoned = open.map((pid) => assembler.abandon(pid));
      for (const event of [...events, ...abandoned]) {
        if (event === null) throw new Error('nothing to abandon');
        expectSound(event);
      }
      expect(unreadable).toBe(0);
      expect([...assembler.openPids]).toEqual([]);
      // Nothing is lost without a trace: each context is one row, now or when it is given up.
      const contexts = records.filter((bytes) => bytes.readUInt8(0) === 1).length;
      expect(events.length + open.length).toBe(contexts);
    }),
    { numRuns: 1500 },
  );
});

test('the assembler: real records with bytes changed, in any order', () => {
  fc.assert(
    fc.property(fc.array(mutated, { maxLength: 30 }), (records) => {
      const assembler = capture.assembler({ ...world, maxText: MAX_TEXT });
      const { events } = replay(recording(records), assembler);
      for (const event of events) expectSound(event);
      for (const pid of [...assembler.openPids]) assembler.abandon(pid);
    }),
    { numRuns: 500 },
  );
});

test('a recording of random bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      replay(bytes, capture.assembler(world));
    }),
  );
});
