/** Secrets in records of the kernel's audit: arguments, titles, commands and what was typed in hexadecimal. */
import { recordTypeNumber } from '../../tables/audit/names.ts';
import { createRedactor } from '../../tables/redact/redactor.ts';
import { line, syscall } from '../fixtures/audit/lines.ts';
import { collecting, type NamedRow, world } from '../fixtures/audit/replay.ts';

const redactor = createRedactor({ dialect: 'shell' });
const SECRET = 'hunter2xyz';
const hex = (text: string): string => Buffer.from(text).toString('hex').toUpperCase();

function rowOf(lines: readonly string[]): NamedRow {
  const { rows, assembler } = collecting(null, { ...world, redactor });
  for (const text of lines) {
    const [, type = '', record = ''] = /^type=(\S+) msg=(.*)$/s.exec(text) ?? [];
    const bytes = Buffer.from(record, 'latin1');
    assembler.accept(recordTypeNumber(type) ?? 0, bytes, 0, bytes.length);
  }
  assembler.close();
  expect(rows).toHaveLength(1);
  return rows[0] ?? {};
}

const holds = (row: NamedRow): boolean => {
  const all = Object.values(row).join('\n');
  return all.includes(SECRET) || all.includes(hex(SECRET));
};

test('arguments of a program: each stays by itself', () => {
  const row = rowOf([
    line('SYSCALL', syscall({ syscall: 59 })),
    line('EXECVE', `argc=4 a0="mysql" a1="-p${SECRET}" a2=${hex('-e select 1')} a3="shop"`),
  ]);
  expect(row).toMatchObject({
    cmdline: 'mysql -p[redacted] -e select 1 shop',
    argv: '["mysql","-p[redacted]","-e select 1","shop"]',
    cmdline_size: 'mysql -phunter2xyz -e select 1 shop'.length,
  });
});

test('the title of a process', () => {
  const title = hex(`sshpass\0-p\0${SECRET}\0ssh\0host`);
  const row = rowOf([
    line('SYSCALL', syscall({ syscall: 41 })),
    line('PROCTITLE', `proctitle=${title}`),
  ]);
  expect(holds(row)).toBe(false);
  expect(row).toMatchObject({ cmdline: 'sshpass -p [redacted] ssh host' });
});

test("sudo's command and what was typed at a terminal, which are in hexadecimal", () => {
  const command = hex(`mysqldump --password=${SECRET} shop`);
  const sudo = rowOf([
    line(
      'USER_CMD',
      `pid=1 uid=0 auid=1 ses=1 msg='cwd="/" cmd=${command} terminal=pts/1 res=success'`,
    ),
  ]);
  expect(holds(sudo)).toBe(false);
  expect(sudo).toMatchObject({ cmdline: 'mysqldump --password=[redacted] shop' });
  const typed = hex(`export API_TOKEN=${SECRET}\r`);
  const tty = rowOf([
    line('TTY', `pid=1 uid=0 auid=1 ses=1 major=136 minor=1 comm="sh" data=${typed}`),
  ]);
  expect(holds(tty)).toBe(false);
});

test('what holds no secret is as it was', () => {
  const lines = [
    line('SYSCALL', syscall({ syscall: 59 })),
    line('EXECVE', 'argc=2 a0="ls" a1="-la"'),
  ];
  expect(rowOf(lines)).toMatchObject({ cmdline: 'ls -la', argv: '["ls","-la"]' });
});
