/** The command table against the program, and what is written from it: usage, man page, completion. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  COMMANDS,
  COMMON_OPTIONS,
  type CommandDoc,
  EXTENSION,
} from '../../extension/cli/manual/commands.ts';
import { ERROR_CODES } from '../../native/errors.ts';
import { Pty } from '../../native/pty.ts';
import { eventSpecs, specs } from '../../tables/index.ts';
import { run, until } from '../live/collector-process.ts';

const COMPLETION = join(__dirname, '../../packaging/completion');
const MAN_PAGE = join(__dirname, '../../docs/man/live_audit.ext.1');

const stateDir = mkdtempSync(join(tmpdir(), 'manual-'));
afterAll(() => rmSync(stateDir, { recursive: true }));

/** Commands whose words have no options of their own are not asked about any. */
const withOptions = COMMANDS.filter(
  ({ name }) => !['help', 'version', 'completion'].includes(name),
);

test.each(withOptions.map((command) => [command.name, command] as const))(
  '%s takes each option that is documented',
  (name, { options }) => {
    for (const { flag, value } of [...options, ...COMMON_OPTIONS]) {
      const given = value === undefined ? [flag] : [flag, stateDir];
      const { status, stderr } = run([name, ...given, '--no-such-option']);
      expect([status, stderr]).toEqual([2, expect.stringContaining("'--no-such-option'")]);
    }
  },
);

test('help names every command and the form of each', () => {
  const { stdout } = run(['help']);
  for (const { usage } of [EXTENSION, ...COMMANDS])
    for (const [call, does] of usage) {
      expect(stdout).toContain(`  live_audit.ext ${call}`);
      expect(stdout).toContain(does);
    }
  for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(100);
});

test('the man page is right for mandoc, and has every command, option, table and error', () => {
  const lint = spawnSync('mandoc', ['-T', 'lint', '-W', 'warning', MAN_PAGE], { encoding: 'utf8' });
  expect([lint.status, lint.stdout]).toEqual([0, '']);
  const page = spawnSync('mandoc', ['-T', 'ascii', MAN_PAGE], {
    encoding: 'utf8',
  }).stdout.replace(/.[\b]/g, '');
  const flags = ({ options }: CommandDoc) => options.map(({ flag }) => flag);
  for (const word of [
    ...[EXTENSION, ...COMMANDS].flatMap((command) => [command.name, ...flags(command)]),
    ...COMMON_OPTIONS.flatMap(({ flag, variable }) => [flag, variable]),
    ...specs.map(({ name }) => name),
    ...Object.keys(ERROR_CODES),
  ])
    expect(page).toContain(word);
});

describe('completion in bash', () => {
  const complete = (...words: string[]) => {
    const script = `. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _live_audit; printf '%s\n' "\${COMPREPLY[@]}"`;
    const args = ['--norc', '-c', script, 'bash', join(COMPLETION, 'bash/live-audit'), ...words];
    const { stdout, stderr, status } = spawnSync('bash', args, { encoding: 'utf8' });
    expect([status, stderr]).toEqual([0, '']);
    return stdout.split('\n').filter((word) => word !== '');
  };

  test.each([
    [['st'], ['status']],
    [['audit-'], ['audit-rules', 'audit-parse']],
    [['nope'], []],
    [['collect', '--r'], ['--release']],
    [
      ['specs', '--format', ''],
      ['json', 'fleet', 'launcher', 'markdown'],
    ],
    [
      ['specs', 'live_'],
      ['live_audit_probes', 'live_audit_rings'],
    ],
    [['tail', ''], eventSpecs.map(({ name }) => name)],
    [['tail', 'shell_history_live', '--la'], ['--last']],
    [['completion', 'z'], ['zsh']],
    [['help', 'x'], []],
  ])('live_audit.ext %j', (words, expected) => {
    expect(complete('live_audit.ext', ...words)).toEqual(expected);
  });

  test('every command; files where a file is wanted', () => {
    expect(complete('live_audit.ext', '')).toEqual(COMMANDS.map(({ name }) => name));
    expect(complete('live-audit', 'audit-parse', '/etc/passw')).toContain('/etc/passwd');
    expect(complete('live-audit', 'query', '--state-dir', '/et')).toEqual(['/etc']);
  });
});

test('completion in zsh: on a terminal, with the tab key', async () => {
  const zsh = new Pty(['zsh', '-f'], { env: { TERM: 'dumb', PS1: '> ', HOME: stateDir } });
  const shows = (text: string) => until(() => zsh.output.includes(text));
  try {
    await zsh.type(
      `fpath=(${join(COMPLETION, 'zsh')} $fpath); autoload -U compinit; compinit -u -D; echo rea''dy\r`,
    );
    await shows('ready');
    await zsh.type('live_audit.ext coll\t');
    await shows('live_audit.ext collect');
    await zsh.type('--rel\t');
    await shows('--release');
    await zsh.type('\x15live-audit tail mysql\t');
    await shows('mysql_queries');
    await zsh.type('\x15live-audit specs --format fl\t');
    await shows('fleet');
  } finally {
    zsh.child.kill('SIGKILL');
    await zsh.exited;
    zsh.close();
  }
});
