/** Records that make no sense are counted. */
import { type AuditEvent, EventAssembler } from '../../tables/audit/events.ts';
import { recordTypeNumber } from '../../tables/audit/names.ts';
import { line, path, syscall } from '../fixtures/audit/lines.ts';
import { collecting } from '../fixtures/audit/replay.ts';

describe('what makes no sense is counted', () => {
  test.each([
    ['no header', 'SYSCALL', 'nonsense', { malformed: 1, unreadable: 1 }],
    ['a time that is none', 'SYSCALL', 'audit(x.123:5): a=1', { malformed: 1, unreadable: 1 }],
    [
      'a serial number beyond 32 bits',
      'SYSCALL',
      'audit(1700000000.123:4294967296): a=1',
      { malformed: 1, unreadable: 1 },
    ],
    [
      'a SYSCALL record that does not say which',
      'SYSCALL',
      'audit(1700000000.123:5): arch=c000003e pid=1',
      { malformed: 1, unreadable: 0 },
    ],
    [
      'an item that is no number',
      'PATH',
      'audit(1700000000.123:5): item=x name="a"',
      { malformed: 1, unreadable: 0 },
    ],
    [
      'a quote that is not closed',
      'PATH',
      'audit(1700000000.123:5): item=0 name="a',
      { malformed: 1, unreadable: 0 },
    ],
    [
      'an item that is negative',
      'PATH',
      'audit(1700000000.123:5): item=-1 name="a"',
      { malformed: 1, unreadable: 0 },
    ],
    [
      'an item that no event has',
      'PATH',
      'audit(1700000000.123:5): item=99999999 name="a"',
      { malformed: 1, unreadable: 0 },
    ],
    [
      'a path without a name',
      'PATH',
      'audit(1700000000.123:5): item=0',
      { malformed: 1, unreadable: 0 },
    ],
    [
      'hex of which a digit is none',
      'PATH',
      'audit(1700000000.123:5): item=0 name=2F7G',
      { malformed: 1, unreadable: 0 },
    ],
    [
      'hex of which half a byte is missing',
      'CWD',
      'audit(1700000000.123:5): cwd=2F7',
      { malformed: 1, unreadable: 0 },
    ],
    [
      'a title of wrong hex',
      'PROCTITLE',
      'audit(1700000000.123:5): proctitle=zz',
      { malformed: 1, unreadable: 0 },
    ],
    [
      'an argument of wrong hex',
      'EXECVE',
      'audit(1700000000.123:5): argc=1 a0=6C7',
      { malformed: 1, unreadable: 0 },
    ],
    [
      'a piece of wrong hex',
      'EXECVE',
      'audit(1700000000.123:5): argc=1 a0_len=4 a0[0]=6C7x',
      { malformed: 1, unreadable: 0 },
    ],
    [
      'an address of wrong hex',
      'SOCKADDR',
      'audit(1700000000.123:5): saddr=0200x',
      { malformed: 1, unreadable: 0 },
    ],
    [
      'a SYSCALL record that is cut',
      'SYSCALL',
      'audit(1700000000.123:5): arch=c000003e syscall=59 success=yes exit=0 ppid=1 pi',
      { malformed: 1, unreadable: 0 },
    ],
    [
      'an argument beyond argc',
      'EXECVE',
      'audit(1700000000.123:5): argc=1 a0="x" a1="y"',
      { malformed: 1, unreadable: 0 },
    ],
    [
      'an argument far beyond',
      'EXECVE',
      'audit(1700000000.123:5): argc=1 a99999999999999999999="y"',
      { malformed: 1, unreadable: 0 },
    ],
    [
      'argc twice',
      'EXECVE',
      'audit(1700000000.123:5): argc=1 argc=2 a0="x"',
      { malformed: 1, unreadable: 0 },
    ],
    [
      'an argument twice',
      'EXECVE',
      'audit(1700000000.123:5): argc=2 a0="x" a0="y"',
      { malformed: 1, unreadable: 0 },
    ],
  ])('%s', (_, type, text, faults) => {
    const { assembler } = collecting();
    const bytes = Buffer.from(text);
    assembler.accept(recordTypeNumber(type) ?? 0, bytes, 0, bytes.length, 0);
    assembler.close();
    expect(assembler.faults).toMatchObject(faults);
  });
});

test.each([
  ['beyond those of the event', [0, 1, 2], 2, ['/0', '/1']],
  ['that comes twice', [0, 0, 1], 2, ['/0', '/1']],
])('an item %s is counted, and none of its paths', (_, items, count, names) => {
  const events: AuditEvent[] = [];
  const w = new EventAssembler(
    { event: (event) => events.push(event), incomplete: () => {} },
    1000,
  );
  const records = [
    ['SYSCALL', syscall({ items: count })],
    ...items.map((item) => ['PATH', path(item, `"/${item}"`)]),
    ['EOE', ''],
  ];
  for (const [type = '', fields = ''] of records) {
    const bytes = Buffer.from(line(type, fields).replace(/^type=\S+ msg=/, ''));
    w.accept(recordTypeNumber(type) ?? 0, bytes, 0, bytes.length, 0);
  }
  expect(events.map(({ paths }) => paths.map(({ name }) => name))).toEqual([names]);
  expect(events[0]?.partial).toBe(true);
  expect(w.faults.malformed).toBe(1);
});
