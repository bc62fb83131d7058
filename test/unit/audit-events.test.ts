/** Which records are one event, and when it is whole. */
import { world } from '../fixtures/audit/clock.ts';
import { path, syscall } from '../fixtures/audit/lines.ts';

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
