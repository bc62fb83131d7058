/** audit_process_events: from records to rows. */
import { line, syscall } from '../fixtures/audit/lines.ts';
import { only, rowsOf } from '../fixtures/audit/rows.ts';

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
