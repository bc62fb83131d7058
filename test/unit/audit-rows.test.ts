/** From records to the rows of the audit tables: what this kernel said, and what others say. */
import fs from 'node:fs';
import path from 'node:path';
import { recordTypeNumber } from '../../tables/audit/names.ts';
import { line, path as pathFields, syscall } from '../fixtures/audit/lines.ts';
import { collecting, goldenJson, type NamedRow, replay, world } from '../fixtures/audit/replay.ts';

const FIXTURES = path.resolve(__dirname, '../fixtures/audit');

/** The rows of lines. */
function rowsOf(lines: readonly string[], maxText = world.maxText): NamedRow[] {
  const { rows, assembler } = collecting(null, { ...world, maxText });
  for (const text of lines) {
    const [, type = '', record = ''] = /^type=(\S+) msg=(.*)$/s.exec(text) ?? [];
    const bytes = Buffer.from(record, 'latin1');
    assembler.accept(recordTypeNumber(type) ?? 0, bytes, 0, bytes.length);
  }
  assembler.close();
  return rows;
}

const only = (lines: readonly string[]): NamedRow => {
  const rows = rowsOf(lines);
  expect(rows).toHaveLength(1);
  return rows[0] ?? {};
};

const call = (number: number, paths: readonly string[], more = {}): NamedRow =>
  only([
    line('SYSCALL', syscall({ syscall: number, items: paths.length, ...more })),
    line('CWD', 'cwd="/home/u"'),
    ...paths.map((fields) => line('PATH', fields)),
  ]);

describe('the records of Linux 6.18', () => {
  const recording = fs.readFileSync(path.join(FIXTURES, 'kernel.records'));

  test('give the rows that were read and found right', () => {
    expect(goldenJson(replay(recording).rows)).toBe(
      fs.readFileSync(path.join(FIXTURES, 'kernel.json'), 'utf8'),
    );
  });

  test('without a fault or a gap', () => {
    const { assembler, incomplete } = replay(recording);
    expect(assembler.faults).toEqual({ malformed: 0, unreadable: 0, repeated: 0 });
    expect(assembler.serials.missing).toBe(0);
    expect(incomplete).toEqual([]);
  });
});

describe('who and when', () => {
  test('every field of the SYSCALL record', () => {
    expect(
      only([
        line(
          'SYSCALL',
          syscall({ syscall: 41, key: '"k"', exit: -13, success: 'no' }),
          4_000_000_000,
        ),
      ]),
    ).toMatchObject({
      table: 'audit_process_events',
      time: 1_700_000_000,
      time_ns: 1_700_000_000_123_000_000n,
      serial: 4_000_000_000,
      pid: 200,
      ppid: 100,
      parent: 100,
      auid: 1000,
      uid: 1,
      gid: 2,
      euid: 3,
      suid: 4,
      fsuid: 5,
      egid: 6,
      sgid: 7,
      fsgid: 8,
      tty: 'pts3',
      session_id: 9,
      comm: 'sh',
      path: '/usr/bin/dash',
      key: 'k',
      syscall: 'socket',
      arch: 'x86_64',
      success: 0,
      exit: -13,
      truncated: 0,
    });
  });

  test('values in quotes, as programs write them that pass records on', () => {
    const fields = syscall({ items: 1 })
      .replace('success=yes', 'success="yes"')
      .replace('tty=pts3', 'tty="pts3"');
    expect(
      only([
        line('SYSCALL', fields),
        line('PATH', 'item=0 name="/f" inode=1 mode=0100644 ouid=0 ogid=0 nametype="CREATE"'),
      ]),
    ).toMatchObject({ success: 1, tty: 'pts3', path: '/f', truncated: 0 });
  });

  test('no login is 4294967295, also where an old kernel says -1', () => {
    const fields = syscall({ syscall: 41 })
      .replace('auid=1000', 'auid=-1')
      .replace('ses=9', 'ses=4294967295')
      .replace('tty=pts3', 'tty=(none)');
    expect(only([line('SYSCALL', fields)])).toMatchObject({
      auid: 4294967295,
      session_id: 4294967295,
      tty: null,
    });
  });

  test('a machine or a number without a name', () => {
    expect(only([line('SYSCALL', syscall({ arch: '80000016', syscall: 5 }))])).toMatchObject({
      arch: '80000016',
      syscall: '5',
    });
    expect(only([line('SYSCALL', syscall({ syscall: 9999 }))])).toMatchObject({
      arch: 'x86_64',
      syscall: '9999',
    });
  });

  test('what auditd adds to enriched records is not taken for theirs', () => {
    const enriched = `${syscall({ syscall: 41 })}\u001dARCH=x86_64 SYSCALL=socket AUID="root" UID="root" key="not" uid=99`;
    expect(only([line('SYSCALL', enriched)])).toMatchObject({ uid: 1, key: null });
  });
});

describe('programs that are run', () => {
  const run = (...execve: string[]) =>
    only([
      line('SYSCALL', syscall({ syscall: 59, exit: 0 })),
      ...execve.map((fields) => line('EXECVE', fields)),
      line('PROCTITLE', 'proctitle=7469746C65'),
    ]);

  test('arguments quoted, as hex, empty, and those that look like hex', () => {
    const row = run('argc=5 a0="ls" a1=746D70206E6577 a2="" a3="6162" a4=C3A9FF');
    expect(JSON.parse(String(row.argv))).toEqual(['ls', 'tmp new', '', '6162', 'é\\xff']);
    expect(row).toMatchObject({ cmdline: 'ls tmp new  6162 é\\xff', truncated: 0 });
  });

  test('a long argument in pieces over many records; a character that is cut in two is whole', () => {
    const row = run('argc=3 a0="a" a1_len=10 a1[0]=78C3', 'a1[1]=A979 a1[2]="z"', 'a2="end"');
    expect(JSON.parse(String(row.argv))).toEqual(['a', 'xéyz', 'end']);
    expect(row.truncated).toBe(0);
  });

  test('more than 128 arguments', () => {
    const many = Array.from({ length: 1000 }, (_, i) => `a${i}="${i}"`);
    const row = run(`argc=1000 ${many.slice(0, 400).join(' ')}`, many.slice(400).join(' '));
    expect(JSON.parse(String(row.argv))).toHaveLength(1000);
    expect(row.truncated).toBe(0);
  });

  test('a record of the arguments that did not come: truncated says so', () => {
    expect(run('argc=4 a0="a" a1="b"')).toMatchObject({ cmdline: 'a b', truncated: 1 });
    expect(run('argc=4 a0="a"', 'a3="d"')).toMatchObject({ cmdline: 'a d', truncated: 1 });
    expect(run('argc=2 a0="a" a1_len=6 a1[0]="xx"', 'a1[2]="zz"')).toMatchObject({
      cmdline: 'a xxzz',
      truncated: 1,
    });
  });

  test('longer than max_text: argv is JSON all the same, and the size that of all', () => {
    const rows = rowsOf(
      [
        line('SYSCALL', syscall({ syscall: 59, exit: 0 })),
        line(
          'EXECVE',
          'argc=4 a0="ls" a1=C3A95C6C6F6E67 a2="0123456789" a3_len=99 a3[0]="01234567890"',
        ),
        line('EXECVE', 'a3[1]=3031'),
      ],
      20,
    );
    expect(rows).toMatchObject([
      { cmdline: 'ls é\\long 012345678', argv: '["ls","é\\\\long"]', truncated: 1 },
    ]);
    expect(rows[0]?.cmdline_size).toBe(2 + 7 + 10 + 13 + 3);
  });

  test('the title of the process only where the arguments did not come', () => {
    expect(run('argc=1 a0="x"').cmdline).toBe('x');
    expect(run()).toMatchObject({ cmdline: 'title', argv: '["title"]', truncated: 0 });
  });

  test('a file that could not be run: what was asked for, and not the title of the caller', () => {
    const row = only([
      line('SYSCALL', syscall({ syscall: 59, success: 'no', exit: -2, items: 1 })),
      line('CWD', 'cwd="/srv"'),
      line('PATH', 'item=0 name="./bin/../none" nametype=UNKNOWN'),
      line('PROCTITLE', 'proctitle="bash"'),
    ]);
    expect(row).toMatchObject({
      path: '/srv/none',
      cmdline: null,
      argv: null,
      success: 0,
      exit: -2,
    });
  });

  test('another system call, with the address that it was about', () => {
    const row = only([
      line('SYSCALL', syscall({ syscall: 42 })),
      line('SOCKADDR', 'saddr=020001BBC00002070000000000000000\u001dSADDR={ saddr_fam=inet }'),
    ]);
    expect(row).toMatchObject({
      table: 'audit_process_events',
      syscall: 'connect',
      path: '/usr/bin/dash',
      address: '192.0.2.7',
      port: 443,
      truncated: 0,
    });
  });

  test('of i386 and aarch64', () => {
    expect(only([line('SYSCALL', syscall({ arch: '40000003', syscall: 11 }))])).toMatchObject({
      arch: 'i386',
      syscall: 'execve',
    });
    expect(only([line('SYSCALL', syscall({ arch: 'c00000b7', syscall: 281 }))])).toMatchObject({
      arch: 'aarch64',
      syscall: 'execveat',
    });
  });
});

describe('operations on files', () => {
  test.each([
    ['open', 2, { a1: '0' }, 'open', 'O_RDONLY'],
    ['open', 2, { a1: '241' }, 'open+truncate', 'O_WRONLY|O_CREAT|O_TRUNC'],
    ['openat', 257, { a2: '402' }, 'open', 'O_RDWR|O_APPEND'],
    ['creat', 85, { a1: '1a4' }, 'open+truncate', 'O_WRONLY|O_CREAT|O_TRUNC'],
    ['openat of aarch64', 56, { arch: 'c00000b7', a2: '4000' }, 'open', 'O_RDONLY|O_DIRECTORY'],
    ['truncate', 76, {}, 'truncate', null],
    ['chmod', 90, {}, 'chmod', null],
    ['fchownat', 260, {}, 'chown', null],
    ['chown32 of i386', 212, { arch: '40000003' }, 'chown', null],
    ['mkdirat', 258, {}, 'mkdir', null],
    ['unlinkat', 263, { a2: '0' }, 'unlink', null],
    ['unlinkat with AT_REMOVEDIR', 263, { a2: '200' }, 'rmdir', null],
    ['utimensat', 280, {}, 'utime', null],
    ['removexattr', 197, {}, 'removexattr', null],
    ['mount, which has no name of ours', 165, {}, 'mount', null],
  ])('%s', (_, number, more, operation, flags) => {
    expect(call(number, [pathFields(0, '"f"')], more)).toMatchObject({
      table: 'audit_file_events',
      operation,
      open_flags: flags,
      path: '/home/u/f',
      dest_path: null,
      partial: 'false',
      mode: '0100644',
      inode: 77,
    });
  });

  test('rename over a file that was there', () => {
    const paths = [
      pathFields(0, '"/d"', 'PARENT'),
      pathFields(1, '"/e"', 'PARENT'),
      pathFields(2, '"/d/old"', 'DELETE'),
      pathFields(3, '"/e/new"', 'DELETE'),
      pathFields(4, '"/e/new"', 'CREATE'),
    ];
    expect(call(82, paths)).toMatchObject({
      operation: 'rename',
      path: '/d/old',
      dest_path: '/e/new',
    });
  });

  test('link and symlink', () => {
    expect(
      call(86, [
        pathFields(0, '"a"'),
        pathFields(1, '"/home/u"', 'PARENT'),
        pathFields(2, '"b"', 'CREATE'),
      ]),
    ).toMatchObject({ operation: 'link', path: '/home/u/a', dest_path: '/home/u/b' });
    expect(
      call(88, [
        pathFields(0, '"/home/u"', 'PARENT'),
        'item=1 name="../a" nametype=UNKNOWN',
        pathFields(2, '"b"', 'CREATE'),
      ]),
    ).toMatchObject({
      operation: 'symlink',
      path: '../a',
      dest_path: '/home/u/b',
      partial: 'false',
    });
  });

  test('records without nametype, of Linux before 3.9, go by their place', () => {
    const old = (item: number, name: string) =>
      `item=${item} name="${name}" inode=1 dev=08:01 mode=0100644 ouid=0 ogid=0 rdev=00:00`;
    expect(
      call(82, [old(0, '/d/'), old(1, '/d/'), old(2, '/d/old'), old(3, '/d/new')]),
    ).toMatchObject({ path: '/d/old', dest_path: '/d/new' });
    expect(call(2, [old(0, '/etc/hosts')])).toMatchObject({
      operation: 'open',
      path: '/etc/hosts',
    });
  });

  test('a path that begins at a descriptor: by its opening, else relative and partial', () => {
    const rows = rowsOf([
      line('SYSCALL', syscall({ syscall: 257, exit: 7, items: 1, a2: '10000' }), 1),
      line('CWD', 'cwd="/srv"', 1),
      line('PATH', pathFields(0, '"data"'), 1),
      line('EOE', '', 1),
      line('SYSCALL', syscall({ syscall: 263, a0: '7', items: 1 }), 2),
      line('CWD', 'cwd="/elsewhere"', 2),
      line('PATH', pathFields(0, '"f"', 'DELETE'), 2),
      line('EOE', '', 2),
      line('SYSCALL', syscall({ syscall: 263, a0: '8', items: 1 }), 3),
      line('CWD', 'cwd="/elsewhere"', 3),
      line('PATH', pathFields(0, '"f"', 'DELETE'), 3),
    ]);
    expect(rows.map(({ path, partial }) => [path, partial])).toEqual([
      ['/srv/data', 'false'],
      ['/srv/data/f', 'false'],
      ['f', 'true'],
    ]);
  });

  test('names as hex, of spaces and of bytes that are no text', () => {
    expect(call(87, [pathFields(0, '2F746D702F612062', 'DELETE')]).path).toBe('/tmp/a b');
    expect(call(87, [pathFields(0, '2F746D702FFF', 'DELETE')]).path).toBe('/tmp/\\xff');
    expect(call(87, [pathFields(0, '(null)', 'DELETE')])).toMatchObject({
      path: null,
      partial: 'true',
    });
  });

  test('a PATH record that did not come', () => {
    expect(call(82, [pathFields(2, '"/a"', 'DELETE')], { items: 4 })).toMatchObject({
      path: '/a',
      dest_path: null,
      partial: 'true',
      truncated: 1,
    });
  });
});

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
