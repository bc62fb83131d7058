/** audit_file_events: from records to rows. */
import { line, path as pathFields, syscall } from '../fixtures/audit/lines.ts';
import { call, rowsOf } from '../fixtures/audit/rows.ts';

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
