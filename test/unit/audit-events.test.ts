/** Which records are one event, when it is whole, and which serial numbers did not come. */
import { type AuditEvent, EventAssembler } from '../../tables/audit/events.ts';
import { recordTypeNumber } from '../../tables/audit/names.ts';
import { line, path, syscall } from '../fixtures/audit/lines.ts';
import { collecting } from '../fixtures/audit/replay.ts';

/** An assembler on a clock of our own. */
function world(nextSerial: number | null = null) {
  const made = collecting(nextSerial);
  let now = 1000;
  return {
    ...made,
    put(type: string, fields: string, serial: number, ms?: number) {
      const bytes = Buffer.from(line(type, fields, serial, ms).replace(/^type=\S+ msg=/, ''));
      made.assembler.accept(recordTypeNumber(type) ?? 0, bytes, 0, bytes.length, now);
    },
    wait(ms: number) {
      now += ms;
      made.assembler.expire(now);
    },
    /** Serial numbers of the rows, in their order. */
    get serials() {
      return made.rows.map(({ serial }) => serial);
    },
  };
}

const exec = syscall({ syscall: 59, exit: 0 });

describe('an event is whole', () => {
  test('at EOE', () => {
    const w = world();
    w.put('SYSCALL', exec, 5);
    expect(w.rows).toEqual([]);
    w.put('EOE', '', 5);
    expect(w.serials).toEqual([5]);
  });

  test('at PROCTITLE, and what EOE then says is no event', () => {
    const w = world();
    w.put('SYSCALL', exec, 5);
    w.put('PROCTITLE', 'proctitle="x"', 5);
    expect(w.serials).toEqual([5]);
    w.put('EOE', '', 5);
    w.wait(5000);
    expect(w.serials).toEqual([5]);
    expect(w.incomplete).toEqual([]);
  });

  test('with a message of a program, at once', () => {
    const w = world();
    w.put('USER_LOGIN', "pid=1 uid=0 auid=0 ses=1 msg='op=login res=success'", 6);
    expect(w.serials).toEqual([6]);
  });

  test('with a message of a program, although the system call that sent it follows', () => {
    const w = world();
    w.put('SERVICE_START', "pid=1 uid=0 auid=0 ses=1 msg='unit=x res=success'", 6);
    w.put('SYSCALL', syscall({ syscall: 44 }), 6);
    w.put('SOCKADDR', 'saddr=100000000000000000000000', 6);
    w.put('PROCTITLE', 'proctitle="init"', 6);
    w.put('EOE', '', 6);
    w.assembler.close();
    expect(w.rows).toMatchObject([{ table: 'audit_user_events', serial: 6 }]);
    expect(w.assembler.faults).toEqual({ malformed: 0, unreadable: 0, repeated: 0 });
    w.put('SERVICE_START', "pid=1 uid=0 auid=0 ses=1 msg='unit=x res=success'", 6);
    expect(w.assembler.faults.repeated).toBe(1);
  });

  test('after two seconds, and not before', () => {
    const w = world();
    w.put('SYSCALL', exec, 5);
    w.wait(1999);
    expect(w.serials).toEqual([]);
    w.wait(1);
    expect(w.serials).toEqual([5]);
  });

  test('by itself, where another one has the same number at another time: numbers roll over', () => {
    const w = world();
    const times = [1_700_000_000_000, 1_700_000_009_000];
    for (const ms of times) w.put('SYSCALL', exec, 5, ms);
    for (const ms of times) w.put('EXECVE', `argc=1 a0="at-${ms}"`, 5, ms);
    for (const ms of times) w.put('EOE', '', 5, ms);
    expect(w.rows).toMatchObject(
      times.map((ms) => ({ time: ms / 1000, cmdline: `at-${ms}`, truncated: 0 })),
    );
    expect(w.assembler.faults).toEqual({ malformed: 0, unreadable: 0, repeated: 0 });
  });

  test('with its records in any order, if EOE is the last', () => {
    const records = [
      ['PROCTITLE', 'proctitle="x"'],
      ['PATH', path(1, '"/lib/ld.so"')],
      ['EXECVE', 'argc=1 a0="x"'],
      ['PATH', path(0, '"/bin/x"')],
      ['CWD', 'cwd="/"'],
      ['SYSCALL', syscall({ syscall: 59, exit: 0, items: 2 })],
    ] as const;
    for (const turned of [records, records.toReversed()]) {
      const w = world();
      for (const [type, fields] of turned) w.put(type, fields, 5);
      w.put('EOE', '', 5);
      expect(w.rows).toMatchObject([{ cmdline: 'x', cwd: '/', mode: '0100644', truncated: 0 }]);
      expect(w.assembler.faults).toEqual({ malformed: 0, unreadable: 0, repeated: 0 });
    }
  });

  test('without its SYSCALL record it is no row, and not silent', () => {
    const w = world();
    w.put('PATH', path(0, '"/etc/passwd"'), 5);
    w.put('EOE', '', 5);
    expect(w.rows).toEqual([]);
    expect(w.incomplete).toMatchObject([{ serial: 5 }]);
  });
});

test('an event of which nothing but the end came is not silent', () => {
  const w = world();
  w.put('EOE', '', 5);
  expect(w.incomplete).toMatchObject([{ serial: 5 }]);
});

test('records of many events among each other', () => {
  const w = world();
  const serials = Array.from({ length: 50 }, (_, i) => i + 1);
  for (const serial of serials) w.put('SYSCALL', exec, serial);
  for (const serial of serials) w.put('EXECVE', `argc=1 a0="p${serial}"`, serial);
  for (const serial of [...serials].reverse()) w.put('PROCTITLE', 'proctitle="x"', serial);
  expect(w.rows.map(({ serial, cmdline }) => [serial, cmdline])).toEqual(
    [...serials].reverse().map((serial) => [serial, `p${serial}`]),
  );
  expect(w.assembler.serials.missing).toBe(0);
});

test('too many open at once: the oldest is closed, none is lost', () => {
  const w = world();
  for (let serial = 1; serial <= 5000; serial++) w.put('SYSCALL', exec, serial);
  expect(w.rows).toHaveLength(5000 - 4096);
  expect(w.assembler.openCount).toBe(4096);
  w.assembler.close();
  expect(w.serials).toEqual(Array.from({ length: 5000 }, (_, i) => i + 1));
});

test('a record that comes again after its event is over is counted, and no row', () => {
  const w = world();
  for (let i = 0; i < 2; i++) {
    w.put('SYSCALL', exec, 5);
    w.put('EXECVE', 'argc=1 a0="x"', 5);
    w.put('PROCTITLE', 'proctitle="x"', 5);
  }
  w.assembler.close();
  expect(w.serials).toEqual([5]);
  expect(w.assembler.faults.repeated).toBe(3);
});

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

describe('serial numbers that did not come', () => {
  const see = (w: ReturnType<typeof world>, ...serials: number[]) => {
    for (const serial of serials) {
      w.put('SYSCALL', exec, serial);
      w.put('EOE', '', serial);
    }
  };

  test('none, where all came', () => {
    const w = world();
    see(w, 7, 8, 9);
    w.wait(5000);
    expect(w.assembler.serials.missing).toBe(0);
  });

  test('are counted once they are two seconds late', () => {
    const w = world();
    see(w, 7, 10);
    w.wait(1999);
    expect(w.assembler.serials.missing).toBe(0);
    w.wait(1);
    expect(w.assembler.serials.missing).toBe(2);
  });

  test('a late one is none; one that is later than that does not make the count less', () => {
    const w = world();
    see(w, 7, 12, 10);
    w.wait(2000);
    expect(w.assembler.serials.missing).toBe(3); // 8, 9 and 11
    see(w, 9);
    w.wait(2000);
    expect(w.assembler.serials.missing).toBe(3);
  });

  test('over the end of 32 bits', () => {
    const w = world();
    see(w, 0xffff_fffe, 1);
    w.wait(2000);
    expect(w.assembler.serials.missing).toBe(2); // 4294967295 and 0
    expect(w.assembler.serials.next).toBe(2);
  });

  test('from what a collector before knew', () => {
    const w = world(100);
    see(w, 150);
    w.wait(2000);
    expect(w.assembler.serials.missing).toBe(50);
  });

  test('a later boot begins anew, and is no gap', () => {
    const w = world();
    w.put('SYSCALL', exec, 90_000, 1_700_000_000_000);
    w.put('EOE', '', 90_000, 1_700_000_000_000);
    for (const serial of [3, 4, 6]) {
      w.put('SYSCALL', exec, serial, 1_700_000_100_000);
      w.put('EOE', '', serial, 1_700_000_100_000);
    }
    w.wait(2000);
    expect(w.assembler.serials.missing).toBe(1); // 5
  });

  test('auditd’s own records are not among them', () => {
    const w = world();
    see(w, 7);
    w.put('DAEMON_ROTATE', 'op=rotate-logs auid=0 pid=1 res=success', 4711);
    see(w, 8);
    w.wait(2000);
    expect(w.assembler.serials.missing).toBe(0);
  });
});
