/** Records that make no sense: whatever comes ends, throws nothing, and gives rows that a ring takes. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import type { TableSpec, Value } from '../../extension/sdk/spec.ts';
import { EventAssembler } from '../../tables/audit/events.ts';
import { recordTypeNumber } from '../../tables/audit/names.ts';
import { acceptMessage } from '../../tables/audit/netlink-record.ts';
import { AuditRows, auditSpecs } from '../../tables/audit/rows.ts';
import { RowEncoder } from '../../tables/ring/encoder.ts';
import { RowLayout } from '../../tables/ring/row-layout.ts';
import { line, path, syscall } from '../fixtures/audit/lines.ts';
import { replay, world } from '../fixtures/audit/replay.ts';

const ENCODERS = new Map(
  auditSpecs.map((spec: TableSpec) => [spec.name, new RowEncoder(new RowLayout(spec))]),
);

/** Sends all to an assembler whose rows are encoded as for a ring. */
function fed(send: (assembler: EventAssembler) => void) {
  let rows = 0;
  let incomplete = 0;
  const made = new AuditRows(world, (table, row: readonly Value[]) => {
    ENCODERS.get(table)?.encode(1, row, 0); // throws where a value does not fit its column
    rows++;
  });
  const assembler = new EventAssembler(
    { event: (event) => made.add(event), incomplete: () => incomplete++ },
    4096,
  );
  send(assembler);
  assembler.close();
  expect(assembler.openCount).toBe(0);
  expect(assembler.serials.missing).toBeGreaterThanOrEqual(0);
  return { rows, incomplete, assembler };
}

const kernel = readFileSync(join(__dirname, '../fixtures/audit/kernel.records'));
/** Where the messages of the recording are. */
const MESSAGES: { start: number; end: number }[] = [];
for (let at = 0; at < kernel.length; ) {
  const start = at + 4;
  at = start + kernel.readUInt32LE(at);
  MESSAGES.push({ start, end: at });
}

test('any bytes as a message', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 400 })), (messages) => {
      fed((assembler) => {
        for (const message of messages)
          acceptMessage(assembler, Buffer.from(message), 0, message.length, 0);
      });
    }),
  );
});

test('a recording with bytes changed, messages cut, left out, repeated and in another order', () => {
  const edit = fc.record({
    flips: fc.array(fc.record({ at: fc.nat(kernel.length - 1), byte: fc.nat(255) }), {
      maxLength: 50,
    }),
    order: fc.array(fc.nat(MESSAGES.length - 1), { maxLength: 300 }),
    cut: fc.nat(200),
  });
  fc.assert(
    fc.property(edit, ({ flips, order, cut }) => {
      const bytes = Buffer.from(kernel);
      for (const { at, byte } of flips) bytes[at] = byte;
      fed((assembler) => {
        for (const [i, n] of order.entries()) {
          const { start, end } = MESSAGES[n] ?? { start: 0, end: 0 };
          acceptMessage(assembler, bytes, start, i % 7 === 0 ? Math.max(start, end - cut) : end, i);
          if (i % 50 === 0) assembler.expire(i);
        }
      });
    }),
    { numRuns: 60 },
  );
});

const KINDS = [
  'SYSCALL',
  'EXECVE',
  'PATH',
  'CWD',
  'PROCTITLE',
  'EOE',
  'USER_LOGIN',
  'LOGIN',
  'OPENAT2',
  'AVC',
  'SOCKADDR',
];
const text = fc.oneof(
  fc.string({ maxLength: 60 }),
  fc.constantFrom(
    '"',
    "'",
    '(null)',
    '?',
    'FF',
    'ABC',
    '4294967295',
    '-1',
    '99999999999999999999',
    '\u001d',
    '=',
    'ü',
  ),
);
const fields = fc.oneof(
  fc
    .array(
      fc.tuple(
        fc.constantFrom(
          'a0',
          'a1',
          'a1[0]',
          'a1[1]',
          'a1_len',
          'argc',
          'item',
          'name',
          'cwd',
          'syscall',
          'arch',
          'pid',
          'msg',
          'acct',
          'key',
          'items',
          'oflag',
          'exit',
          'success',
        ),
        text,
      ),
      { maxLength: 12 },
    )
    .map((all) => all.map(([key, value]) => `${key}=${value}`).join(' ')),
  fc
    .record({ syscall: fc.nat(500), items: fc.nat(5), exit: fc.integer() })
    .map((call) => syscall(call)),
  fc.tuple(fc.nat(5), text).map(([item, name]) => path(item, `"${name}"`, 'CREATE')),
);

test('records of the right form with any values: what came is a row, or counted', () => {
  const record = fc.record({ kind: fc.constantFrom(...KINDS), fields, serial: fc.nat(20) });
  fc.assert(
    fc.property(fc.array(record, { maxLength: 60 }), (records) => {
      const serials = new Set<number>();
      const { rows, incomplete, assembler } = fed((into) => {
        for (const { kind, fields: values, serial } of records) {
          const bytes = Buffer.from(line(kind, values, serial).replace(/^type=\S+ msg=/, ''));
          if (kind !== 'EOE') serials.add(serial);
          into.accept(recordTypeNumber(kind) ?? 0, bytes, 0, bytes.length, 0);
        }
      });
      // An event has one row at least, or it is incomplete, or all its records came after it was over.
      expect(rows + incomplete + assembler.faults.repeated).toBeGreaterThanOrEqual(serials.size);
    }),
    { numRuns: 300 },
  );
});

test('serial numbers in any order: gaps are what did not come, and never more', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.nat(300), { minLength: 1, maxLength: 200 }),
      fc.nat(0xffff_ffff),
      (offsets, base) => {
        const [first = 0] = offsets;
        const { assembler } = fed((into) => {
          for (const offset of offsets) {
            const bytes = Buffer.from(
              `audit(1700000000.000:${(base + offset) >>> 0}): ${syscall()}`,
            );
            into.accept(1300, bytes, 0, bytes.length, 0);
          }
        });
        const after = offsets.filter((offset) => offset >= first);
        const span = Math.max(...after) - first + 1;
        expect(assembler.serials.missing).toBe(span - after.length);
      },
    ),
  );
});

test('the recording, whole, gives a row for each event', () => {
  const { rows } = replay(kernel);
  expect(
    fed((assembler) => {
      for (const { start, end } of MESSAGES) acceptMessage(assembler, kernel, start, end, 0);
    }).rows,
  ).toBe(rows.length);
});
