/** Wrong use and bad input of the executable: the exit code, and one line on stderr that says what to do. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../live/collector-process.ts';

const base = mkdtempSync(join(tmpdir(), 'cli-'));
afterAll(() => rmSync(base, { recursive: true }));
const empty = join(base, 'empty');
mkdirSync(empty, { mode: 0o700 });
const ENV = { LIVE_AUDIT_STATE_DIR: empty, LIVE_AUDIT_CONFIG: join(base, 'missing.json') };

/** Nothing on stdout, one line on stderr. */
function expectFailure(args: readonly string[], status: number, reason: RegExp | string, env = {}) {
  const result = run(args, { ...ENV, ...env });
  expect(result.stdout).toBe('');
  expect(result.stderr).toMatch(/^live_audit: [^\n]+\n$/);
  expect(result.stderr).toMatch(reason);
  expect(result.status).toBe(status);
}

const usage: readonly [readonly string[], RegExp][] = [
  [[], /no command/],
  [['nope'], /no command nope/],
  [['toString'], /no command toString/],
  [['collect', '--nope'], /Unknown option '--nope'/],
  [['collect', 'x'], /collect takes no argument: x/],
  [['query'], /query takes one argument/],
  [['query', 'SELECT 1', 'SELECT 2'], /query takes one argument/],
  [['query', '--json', '--csv', 'SELECT 1'], /one format, not 2: json, csv/],
  [['query', '--nope', 'SELECT 1'], /Unknown option '--nope'/],
  [['query', '--state-dir'], /--state-dir/],
  [['tail'], /tail takes one event table: shell_history_live/],
  [['tail', 'nope'], /tail takes one event table/],
  [['tail', 'live_audit_rings'], /tail takes one event table/],
  [['tail', 'shell_history_live', 'x'], /tail takes one event table/],
  [['tail', 'shell_history_live', '--csv'], /Unknown option '--csv'/],
  [['status', 'x'], /status takes no argument: x/],
  [['status', '--csv'], /Unknown option '--csv'/],
  [['specs', '--format', 'xml'], /no format xml: json, fleet, launcher, markdown/],
  [['specs', '--format', 'toString'], /no format toString/],
  [['specs', 'nope'], /no table nope/],
  [['version', 'x'], /version takes no argument: x/],
  [['--socket'], /--socket needs the path/],
  [['--socket', ''], /--socket needs the path/],
  [['--timeout', '3'], /--socket needs the path/],
  [['--socket', `/${'x'.repeat(97)}`], /98 bytes \[SOCKET_PATH\].*at most 97 bytes/],
];

describe('wrong use: exit code 2', () => {
  test.each(usage)('%j', (args, reason) => expectFailure(args, 2, reason));
});

describe('bad input: exit code 1', () => {
  const COMMANDS = [['query', 'SELECT 1'], ['status'], ['tail', 'shell_history_live'], ['collect']];
  const DIRECTORIES: readonly [string, (path: string) => void, RegExp][] = [
    ['world-writable', (path) => mkdirOpen(path), /is open to others \(mode 777\) \[STATE_DIR\]/],
    ['a link', (path) => symlinkSync(empty, path), /is no directory/],
    ['a file', (path) => writeFileSync(path, ''), /is no directory/],
  ];
  function mkdirOpen(path: string): void {
    mkdirSync(path);
    chmodSync(path, 0o777);
  }

  test.each(DIRECTORIES)('a state directory that is %s', (name, make, reason) => {
    const path = join(base, name);
    make(path);
    for (const command of COMMANDS) expectFailure([...command, '--state-dir', path], 1, reason);
  });

  test.each([
    ['{', /is no JSON.* \[CONFIG\]/],
    ['[]', /must be an object/],
    ['{"tabels": {}}', /tabels: is no known key; did you mean tables/],
  ])('a config file with %s', (text, reason) => {
    const path = join(base, 'config.json');
    writeFileSync(path, text);
    expectFailure(['status', '--config', path], 1, reason);
    expectFailure(['query', 'SELECT 1'], 1, path, { LIVE_AUDIT_CONFIG: path });
    expectFailure(['--socket', '/s', '--config', path], 1, reason);
  });

  test.each([
    ['SELEC', /near "SELEC": syntax error \[SQL\]/],
    ['SELECT * FROM\nnowhere', /no such table: nowhere/],
    ['', /empty/],
  ])('SQL: %p', (sql, reason) => expectFailure(['query', sql], 1, reason));

  test('a socket that nobody serves', () => {
    const socket = join(base, 'osquery.em');
    const args = ['--socket', socket, '--timeout', '1', '--state-dir', join(base, 'fresh')];
    const { status, stdout, stderr } = run(args, ENV);
    // Where nothing can be captured a line of its own says so; here only the socket counts.
    const lines = stderr.split('\n').filter((line) => line !== '' && !line.includes('no capture'));
    expect(lines).toEqual([expect.stringMatching(/osquery\.em.*\[OSQUERY_SOCKET\]/)]);
    expect([status, stdout]).toEqual([1, '']);
  });
});

describe('what is fine', () => {
  test('no state directory yet: empty tables', () => {
    const args = ['--state-dir', join(base, 'none'), '--json'];
    expect(run(['query', ...args, 'SELECT * FROM shell_history_live'], ENV)).toEqual({
      status: 0,
      stdout: '[]\n',
      stderr: '',
    });
    const { status, stdout } = run(['status', ...args], ENV);
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ collector_pid: null, rings: [], probes: [] });
  });

  test.each([['help'], ['--help'], ['-h'], ['query', '--help'], ['collect', '-h']])(
    'help: %s %s',
    (...args) => {
      const { status, stdout, stderr } = run(args, ENV);
      expect([status, stderr]).toEqual([0, '']);
      for (const command of ['collect', 'query', 'tail', 'status', 'specs', 'version'])
        expect(stdout).toContain(`live_audit.ext ${command}`);
    },
  );

  test.each(['version', '--version'])('%s', (name) => {
    expect(run([name], ENV)).toMatchObject({ status: 0, stderr: '' });
    expect(run([name], ENV).stdout).toMatch(/^live_audit \d+\.\d+\.\d+ \(Node \d+\.\d+\.\d+\)\n$/);
  });
});
