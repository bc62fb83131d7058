/** Files as auditd writes them: rows, the summary over them, and what makes no sense. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Value } from '../../extension/sdk/spec.ts';
import { logTables, readLogs } from '../../tables/audit/log-tables.ts';
import { line, path as pathFields, syscall } from '../fixtures/audit/lines.ts';
import { type NamedRow, named } from '../fixtures/audit/replay.ts';
import { run } from '../live/collector-process.ts';

const directory = mkdtempSync(join(tmpdir(), 'audit-log-'));
afterAll(() => rmSync(directory, { recursive: true }));

let files = 0;
function fileOf(lines: readonly (string | Buffer)[], end = '\n'): string {
  const file = join(directory, `audit.log.${files++}`);
  writeFileSync(
    file,
    Buffer.concat(lines.flatMap((text) => [Buffer.from(text), Buffer.from(end)])),
  );
  return file;
}

function read(...names: string[]) {
  const rows: NamedRow[] = [];
  const reading = readLogs(names, 65_536, (table, row) => rows.push(named(table, row)));
  let step = reading.next();
  while (!step.done) step = reading.next();
  return { rows, report: step.value };
}

const NO_FAULT = { malformed: 0, unreadable: 0, repeated: 0, incomplete: 0, missing: 0 };

/** A program that is run: five records. */
function exec(serial: number, command: string, more = {}): string[] {
  return [
    line(
      'SYSCALL',
      syscall({ syscall: 59, exit: 0, items: 1, pid: 100 + serial, key: '"procmon"', ...more }),
      serial,
    ),
    line('EXECVE', `argc=2 a0="${command}" a1="${serial}"`, serial),
    line('CWD', 'cwd="/home/u"', serial),
    line('PATH', pathFields(0, `"/usr/bin/${command}"`), serial),
    line('PROCTITLE', 'proctitle="x"', serial),
  ];
}

const open = (serial: number, name: string): string[] => [
  line('SYSCALL', syscall({ items: 1, pid: 7 }), serial),
  line('CWD', 'cwd="/"', serial),
  line('PATH', pathFields(0, `"${name}"`), serial),
  line('PROCTITLE', 'proctitle="x"', serial),
];

describe('a file', () => {
  test('over the pieces in which it is read: every event once', () => {
    const count = 8000; // 5 MB, so several pieces
    const { rows, report } = read(
      fileOf(Array.from({ length: count }, (_, n) => exec(n + 1, 'ls')).flat()),
    );
    expect(rows.map(({ cmdline }) => cmdline)).toEqual(
      Array.from({ length: count }, (_, n) => `ls ${n + 1}`),
    );
    expect(report).toEqual({ ...NO_FAULT, lines: 5 * count, events: count });
  });

  test('without a newline at its end, and empty', () => {
    const file = fileOf([]);
    writeFileSync(file, exec(1, 'ls').join('\n'));
    expect(read(file).rows).toHaveLength(1);
    expect(read(fileOf([])).report).toEqual({ ...NO_FAULT, lines: 0, events: 0 });
  });

  test('after file: an event that goes over the end is whole', () => {
    const [syscallLine = '', ...rest] = exec(1, 'ls');
    expect(read(fileOf([syscallLine]), fileOf(rest)).rows).toMatchObject([
      { cmdline: 'ls 1', truncated: 0 },
    ]);
  });

  test('of several machines, and enriched', () => {
    const lines = exec(1, 'ls').map(
      (text) => `node=host.example ${text}\u001dARCH=x86_64 AUID="u"`,
    );
    expect(read(fileOf(lines))).toMatchObject({
      rows: [{ cmdline: 'ls 1', key: 'procmon' }],
      report: NO_FAULT,
    });
  });

  test('of several machines that count alike: their events are not mixed, and each has its own gaps', () => {
    const from = (node: string, lines: readonly string[]) =>
      lines.map((text) => `node=${node} ${text}`);
    const a = from('a', exec(1, 'ls'));
    const b = from('b', exec(1, 'cat'));
    const turns = a.flatMap((text, i) => [text, b[i] ?? '']);
    const { rows, report } = read(fileOf([...turns, ...from('a', exec(3, 'ls'))]));
    expect(rows.map(({ cmdline }) => cmdline)).toEqual(['ls 1', 'cat 1', 'ls 3']);
    expect(report).toEqual({ ...NO_FAULT, lines: 15, events: 3, missing: 1 });
  });

  test('lines that make no sense, far too long, cut, repeated: counted, and the others are there', () => {
    const good = exec(1, 'ls');
    const lines = [
      'nonsense',
      'node=',
      'type=',
      'type=SYSCALL',
      'type=SYSCALL msg=audit(',
      'type=NO_SUCH_TYPE msg=audit(1.000:1): x',
      Buffer.from([0, 0xff, 0xfe]),
      Buffer.alloc(10 * 1024 * 1024, 'x'),
      `type=EXECVE msg=audit(1.000:1): ${'a0="x" '.repeat(100_000)}`,
      ...good,
      ...good,
      ...exec(2, 'cat'),
    ];
    const { rows, report } = read(fileOf(lines));
    expect(rows.map(({ cmdline }) => cmdline)).toEqual(['ls 1', 'cat 2']);
    expect(report).toEqual({
      lines: 9 + 15,
      events: 2,
      malformed: 9,
      unreadable: 9,
      repeated: 5,
      incomplete: 0,
      missing: 0,
    });
  });

  test('serial numbers that are left out', () => {
    expect(read(fileOf([...exec(1, 'ls'), ...exec(5, 'ls')])).report).toEqual({
      ...NO_FAULT,
      lines: 10,
      events: 2,
      missing: 3,
    });
  });
});

describe('audit-parse', () => {
  const file = fileOf([...exec(1, 'ls'), ...exec(2, 'cat'), ...open(3, '/etc/passwd')]);

  test('a JSON object a line, numbered from 1 in each table', () => {
    const { status, stdout, stderr } = run(['audit-parse', file]);
    expect([status, stderr]).toEqual([0, '']);
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .map((text) => JSON.parse(text)),
    ).toMatchObject([
      { table: 'audit_process_events', eid: 1, cmdline: 'ls 1', argv: '["ls","1"]', uptime: null },
      { table: 'audit_process_events', eid: 2, cmdline: 'cat 2' },
      { table: 'audit_file_events', eid: 1, path: '/etc/passwd', operation: 'open' },
    ]);
  });

  test('of one table', () => {
    expect(
      run(['audit-parse', '--only', 'audit_file_events', file]).stdout.trimEnd().split('\n'),
    ).toHaveLength(1);
  });

  test('secrets are taken out, but where one asks for them or the config does', () => {
    const secret = fileOf(exec(1, 'mysql').map((text) => text.replace('a1="1"', 'a1="-phunter2"')));
    const config = join(directory, 'plain.json');
    writeFileSync(config, '{"redaction": {"on": false}}');
    const commandOf = (...args: string[]) =>
      JSON.parse(run(['audit-parse', ...args, secret]).stdout.split('\n')[0] ?? '').argv;
    expect(commandOf()).toBe('["mysql","-p[redacted]"]');
    expect(commandOf('--no-redact')).toBe('["mysql","-phunter2"]');
    expect(commandOf('--config', config)).toBe('["mysql","-phunter2"]');
    const sql = 'SELECT argv FROM audit_process_events';
    const ask = (...args: string[]) =>
      JSON.parse(run(['audit-parse', '--json', '--sql', sql, ...args, secret]).stdout);
    expect(ask()).toEqual([{ argv: '["mysql","-p[redacted]"]' }]);
    expect(ask('--no-redact')).toEqual([{ argv: '["mysql","-phunter2"]' }]);
  });

  test('SQL, all tables joined', () => {
    const sql =
      'SELECT p.cmdline, f.path FROM audit_process_events p, audit_file_events f ORDER BY 1';
    expect(JSON.parse(run(['audit-parse', '--json', '--sql', sql, file]).stdout)).toEqual([
      { cmdline: 'cat 2', path: '/etc/passwd' },
      { cmdline: 'ls 1', path: '/etc/passwd' },
    ]);
  });

  test('what was not whole is one line', () => {
    const { status, stderr } = run([
      'audit-parse',
      fileOf(['nonsense', ...exec(1, 'ls'), ...exec(3, 'ls')]),
    ]);
    expect(status).toBe(0);
    expect(stderr).toBe(
      'live_audit: 11 lines, 2 events; 1 records malformed, 0 repeated, 0 events incomplete, 1 serial numbers missing\n',
    );
  });

  test.each([
    [[], /audit-parse takes the files/],
    [['--only', 'nope', 'x'], /no audit table nope/],
    [['--csv', 'x'], /--csv goes with --sql/],
    [['--json', '--csv', '--sql', 'SELECT 1', 'x'], /one format, not 2/],
  ])('wrong use: %j', (args, reason) => {
    const { status, stderr } = run(['audit-parse', ...args]);
    expect(status).toBe(2);
    expect(stderr).toMatch(reason);
  });

  test('a file that is not there, and a directory', () => {
    for (const path of [join(directory, 'no'), directory]) {
      const { status, stderr } = run(['audit-parse', path]);
      expect(status).toBe(1);
      expect(stderr).toMatch(/(ENOENT|EISDIR) \[AUDIT_LOG\]/);
    }
  });
});

describe('the summary', () => {
  const lines = [
    ...exec(1, 'ls', { pid: 50 }),
    ...exec(2, 'ls', { pid: 51 }),
    ...exec(3, 'cat', { success: 'no', exit: -2 }),
    ...open(4, '/etc/passwd'),
    ...open(5, '/etc/passwd'),
    ...open(6, '/etc/hosts'),
  ];
  const file = fileOf(
    lines.map((text) => text.replace('uid=1 ', text.includes('pid=51') ? 'uid=9 ' : 'uid=1 ')),
  );
  const summary = logTables([file], 65_536).find(({ spec }) => spec.name === 'audit_summary');
  const columns = summary?.spec.columns ?? [];
  const all = [...(summary?.generate({ columns, constraints: [] }) ?? [])].map((row) =>
    Object.fromEntries(columns.map(({ name }, i): [string, Value] => [name, row[i] ?? null])),
  );

  test('counts by user, process, kind and name what a count over the lines gives', () => {
    const count = (kind: string, name: string, key: string, value: number) =>
      all
        .filter((row) => row.kind === kind && row.name === name && row[key] === value)
        .map(({ count }) => count);
    expect(count('syscall', 'execve', 'uid', 1)).toEqual([1, 1]); // of two processes
    expect(count('syscall', 'execve', 'uid', 9)).toEqual([1]);
    expect(count('syscall', 'openat', 'pid', 7)).toEqual([3]);
    expect(count('command', '/usr/bin/dash', 'pid', 51)).toEqual([1]);
    expect(count('file', '/etc/passwd', 'pid', 7)).toEqual([2]);
    expect(all.some(({ name }) => name === '/usr/bin/cat')).toBe(false); // was not run
    expect(
      all.every(
        ({ first_time, last_time }) => first_time === 1_700_000_000 && last_time === first_time,
      ),
    ).toBe(true);
  });

  test('the shipped report prints all of it', () => {
    const sql = readFileSync(
      resolve(__dirname, '../../packaging/queries/audit_report.sql'),
      'utf8',
    );
    const { status, stdout } = run(['audit-parse', '--json', '--sql', sql, file]);
    expect(status).toBe(0);
    expect(
      JSON.parse(stdout).map(({ uid, kind, name, count }: NamedRow) => [uid, kind, name, count]),
    ).toEqual([
      [1, 'command', '/usr/bin/dash', 1],
      [1, 'file', '/etc/passwd', 2],
      [1, 'file', '/etc/hosts', 1],
      [1, 'syscall', 'openat', 3],
      [1, 'syscall', 'execve', 2],
      [9, 'command', '/usr/bin/dash', 1],
      [9, 'syscall', 'execve', 1],
    ]);
  });
});
