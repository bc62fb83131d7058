/** audit_user_events: from records to rows. */
import { line, path as pathFields, syscall } from '../fixtures/audit/lines.ts';
import { only, rowsOf } from '../fixtures/audit/rows.ts';

describe('messages', () => {
  const message = (type: string, text: string) =>
    only([line(type, `pid=5 uid=0 auid=1000 ses=2 subj=x msg='${text}'`)]);

  test('a login over the network', () => {
    expect(
      message(
        'USER_LOGIN',
        'op=login acct="root" exe="/usr/sbin/sshd" hostname=h.example addr=192.0.2.7 terminal=ssh res=failed',
      ),
    ).toMatchObject({
      table: 'audit_user_events',
      type: 1112,
      type_name: 'USER_LOGIN',
      pid: 5,
      uid: 0,
      auid: 1000,
      session_id: 2,
      operation: 'login',
      account: 'root',
      path: '/usr/sbin/sshd',
      hostname: 'h.example',
      address: '192.0.2.7',
      terminal: 'ssh',
      result: 'failed',
    });
  });

  test('an account as hex; nothing said is NULL', () => {
    expect(
      message(
        'USER_AUTH',
        'op=PAM:authentication acct=28696E76616C6964207573657229 exe="/usr/sbin/sshd" hostname=? addr=? terminal=? res=success',
      ),
    ).toMatchObject({
      account: '(invalid user)',
      hostname: null,
      address: null,
      terminal: null,
      result: 'success',
    });
  });

  test('a program cannot say who it is', () => {
    expect(
      message('USER', 'text=x pid=1 uid=12 auid=99 ses=77 exe="/bin/real" res=success'),
    ).toMatchObject({ pid: 5, uid: 0, auid: 1000, session_id: 2 });
  });

  test('a command of sudo', () => {
    expect(
      message(
        'USER_CMD',
        'cwd="/root" cmd=6C73202D6C exe="/usr/bin/sudo" terminal=pts/0 res=success',
      ),
    ).toMatchObject({ cmdline: 'ls -l', cwd: '/root', terminal: 'pts/0' });
  });

  test('apostrophes in it, and what auditd adds behind it', () => {
    const row = only([
      line(
        'USER',
        'pid=5 uid=0 auid=1 ses=2 msg=\'text=it\'s here res=success\'\u001dUID="it\'s root" AUID="x"',
      ),
    ]);
    expect(row).toMatchObject({ message: "text=it's here res=success", result: 'success', uid: 0 });
  });

  test.each([
    [
      'LOGIN',
      'pid=9 uid=0 old-auid=4294967295 auid=1000 tty=(none) old-ses=4294967295 ses=3 res=1',
      { type: 1006, auid: 1000, session_id: 3, result: 'success' },
    ],
    [
      'CONFIG_CHANGE',
      'op=set audit_enabled=0 old=1 auid=0 ses=1 res=1',
      {
        type: 1305,
        operation: 'set',
        message: 'op=set audit_enabled=0 old=1 auid=0 ses=1 res=1',
        result: 'success',
      },
    ],
    [
      'SECCOMP',
      'auid=1 uid=2 gid=3 ses=4 pid=5 comm="x" exe="/bin/x" sig=31 arch=c000003e syscall=2 compat=0 ip=0x0 code=0x0',
      { type: 1326, pid: 5, comm: 'x', path: '/bin/x' },
    ],
    [
      'DAEMON_START',
      'op=start ver=3.0.9 format=enriched kernel=6.1 auid=0 pid=77 uid=0 ses=1 res=success',
      { type: 1200, pid: 77, operation: 'start' },
    ],
    [
      'ANOM_LOGIN_FAILURES',
      'pid=1 uid=0 auid=1 ses=1 msg=\'op=x acct="a" res=failed\'',
      { type: 2100, account: 'a' },
    ],
    [
      'UNKNOWN[1399]',
      'something new=1',
      { type: 1399, type_name: 'UNKNOWN[1399]', message: 'something new=1' },
    ],
  ])('%s', (type, fields, expected) => {
    expect(only([line(type, fields)])).toMatchObject({ table: 'audit_user_events', ...expected });
  });

  test('the system call by which it was made is not another row; an operation on a file is', () => {
    const config = [
      line('CONFIG_CHANGE', 'op=add_rule key="k" list=4 res=1'),
      line('SYSCALL', syscall({ syscall: 44, items: 1 })),
      line('PATH', pathFields(0, '"/etc/passwd"')),
    ];
    expect(rowsOf(config)).toMatchObject([
      { type: 1305, path: '/usr/bin/dash', pid: 200, syscall: 'sendto' },
    ]);
    const denied = [
      line('AVC', 'apparmor="DENIED" operation="open" pid=200 comm="sh"'),
      line('SYSCALL', syscall({ items: 1 })),
      line('PATH', pathFields(0, '"/etc/shadow"')),
    ];
    expect(rowsOf(denied)).toMatchObject([
      { type_name: 'AVC', operation: 'open' },
      { table: 'audit_file_events', path: '/etc/shadow' },
    ]);
  });
});
