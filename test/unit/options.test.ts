/** Flags, environment and config file: which goes first, and what is refused. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseLenient, parseOptions } from '../../extension/cli/options.ts';
import { LiveAuditError } from '../../native/errors.ts';

const directory = mkdtempSync(join(tmpdir(), 'options-'));
afterAll(() => rmSync(directory, { recursive: true }));
const config = join(directory, 'config.json');
writeFileSync(config, '{"state_dir": "/from/config"}');
const missing = join(directory, 'missing.json');

const VARIABLES = ['LIVE_AUDIT_STATE_DIR', 'LIVE_AUDIT_CONFIG'] as const;
beforeEach(() => {
  for (const name of VARIABLES) delete process.env[name];
});
afterAll(() => {
  for (const name of VARIABLES) delete process.env[name];
});

describe('the state directory: flag before environment before config before default', () => {
  const stateDir = (...args: string[]) => parseOptions(args).stateDir;

  test('the flag', () => {
    process.env.LIVE_AUDIT_STATE_DIR = '/from/env';
    expect(stateDir('--config', config, '--state-dir', '/from/flag')).toBe('/from/flag');
    expect(stateDir('--state-dir=/from/flag')).toBe('/from/flag');
  });

  test('the environment', () => {
    process.env.LIVE_AUDIT_STATE_DIR = '/from/env';
    expect(stateDir('--config', config)).toBe('/from/env');
  });

  test('the config file, by flag or by environment', () => {
    expect(stateDir('--config', config)).toBe('/from/config');
    process.env.LIVE_AUDIT_CONFIG = config;
    expect(stateDir()).toBe('/from/config');
    expect(stateDir('--config', missing)).toBe('/run/live-audit');
  });

  test('the default; an empty variable is none', () => {
    process.env.LIVE_AUDIT_STATE_DIR = '';
    expect(stateDir('--config', missing)).toBe('/run/live-audit');
  });
});

describe('flags of a command', () => {
  const flags = { json: { type: 'boolean' }, format: { type: 'string' } } as const;
  const parse = (...args: string[]) => parseOptions(['--config', missing, ...args], flags);

  test('anywhere, beside positionals; all after -- are positionals', () => {
    expect(parse('a', '--json', 'b', '--format=x').positionals).toEqual(['a', 'b']);
    expect(parse('a', '--json').flags.json).toBe(true);
    expect(parse('--', '--json').positionals).toEqual(['--json']);
  });

  test.each([
    [['--nope'], /Unknown option '--nope'/],
    [['--format'], /--format/],
    [['--json=1'], /--json/],
    [['-x'], /Unknown option '-x'/],
  ])('wrong use: %p', (args, reason) => {
    expect(() => parse(...args)).toThrow(LiveAuditError);
    expect(() => parse(...args)).toThrow(reason);
    try {
      parse(...args);
    } catch (error) {
      expect(error).toMatchObject({ code: 'USAGE', exitCode: 2 });
    }
  });
});

describe('flags of the extension, as osqueryd gives them', () => {
  const flags = {
    socket: { type: 'string' },
    timeout: { type: 'string' },
    verbose: { type: 'boolean' },
  } as const;
  const parse = (...args: string[]): Record<string, unknown> => {
    const ignored: string[] = [];
    const parsed = parseLenient(['--config', missing, ...args], flags, (f) => ignored.push(f));
    return { ...parsed.flags, ignored };
  };

  test.each([
    [['--socket', '/s', '--timeout', '3']],
    [['--socket=/s', '--timeout=3']],
    [['-socket', '/s', '-timeout=3']],
  ])('with one or two hyphens, with = or without: %p', (args) => {
    expect(parse(...args)).toMatchObject({ socket: '/s', timeout: '3', ignored: [] });
  });

  test('what is not known is named and ignored, also names of Object’s own', () => {
    const parsed = parse('--nope', '--constructor', '--toString=1', 'word', '--socket', '/s');
    expect(parsed).toMatchObject({
      socket: '/s',
      ignored: ['--nope', '--constructor', '--toString=1', 'word'],
    });
  });

  test.each([
    ['--verbose', true],
    ['--verbose=true', true],
    ['--verbose=false', undefined],
    ['--verbose=0', undefined],
  ])('%s', (flag, verbose) => {
    expect(parse(flag, '--socket', '/s').verbose).toBe(verbose);
  });

  test('a socket that is not given is empty, and swallows no flag', () => {
    expect(parse('--socket')).toMatchObject({ socket: '' });
    expect(parse('--socket=a=b').socket).toBe('a=b');
  });
});
