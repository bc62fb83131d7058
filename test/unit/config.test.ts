/** The config file and osquery's options: what is taken, what is refused and how, what goes first. */
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { decode } from '../../extension/cli/config/decode.ts';
import { configurationPage } from '../../extension/cli/config/document.ts';
import { editDistance } from '../../extension/cli/config/issue.ts';
import { parseJson } from '../../extension/cli/config/json.ts';
import { type ConfigSources, diffConfig, loadConfig } from '../../extension/cli/config/load.ts';
import { configFromOsquery } from '../../extension/cli/config/osquery.ts';
import { CONFIG_KEYS, PARAMETER_TABLES, TABLES } from '../../extension/cli/config/schema.ts';
import { LiveAuditError } from '../../native/errors.ts';

const MIB = 1024 * 1024;
const SHELL = 'shell_history_live';
const directory = mkdtempSync(join(tmpdir(), 'config-'));
afterAll(() => rmSync(directory, { recursive: true }));
const file = join(directory, 'config.json');
const load = (text: string | Uint8Array, more: Partial<ConfigSources> = {}) => {
  writeFileSync(file, text);
  return loadConfig({ file, ...more });
};
const refusal = (action: () => unknown): string => {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(LiveAuditError);
    expect(error).toMatchObject({ code: 'CONFIG' });
    return (error as LiveAuditError).message;
  }
  throw new Error('was not refused');
};

/** One value for every table that can be switched. */
const each = <T>(value: T, more: Record<string, T> = {}): Record<string, T> => ({
  ...Object.fromEntries(TABLES.map((table) => [table, value])),
  ...more,
});
const NO_PARAMETERS = Object.fromEntries(
  PARAMETER_TABLES.map((table) => [table, { on: false, max_bytes: 65_536 }]),
);

const DEFAULT = {
  state_dir: '/run/live-audit',
  tables: each(true),
  ring_bytes: each(16 * MIB),
  kernel_ring_bytes: 8 * MIB,
  max_text: MIB,
  keep_capture: true,
  parameters: NO_PARAMETERS,
  shell: { sources: ['prompt'] },
  mysql: { all_commands: false },
  redaction: { on: true, rules: [] },
  metrics: { interval: 15 },
  targets: [],
};

test('missing, also below a missing directory or a file, and {}: the defaults', () => {
  expect(load('{}').config).toEqual(DEFAULT);
  for (const missing of [join(directory, 'no'), join(directory, 'no/such'), join(file, 'below')])
    expect(loadConfig({ file: missing }).config).toEqual(DEFAULT);
});

test('every key is taken, and says where it came from', () => {
  const given = {
    state_dir: '/var/lib/x',
    tables: { [SHELL]: false },
    ring_bytes: { [SHELL]: 65536 },
    kernel_ring_bytes: 65536,
    max_text: 256,
    keep_capture: false,
    parameters: {},
    shell: { sources: ['script'], pid: { keep: [1] }, exit_code: { drop: [0, 130] } },
    mysql: { all_commands: true },
    redaction: { on: true, rules: [{ keyword: 'TICKET-', pattern: 'TICKET-([0-9]+)' }] },
    metrics: { file: '/var/lib/x.prom', port: 9464, interval: 60 },
    targets: [{ program: 'bash', path: '/opt/bash' }],
  };
  expect(Object.keys(given)).toEqual(CONFIG_KEYS);
  const { config, origin } = load(JSON.stringify(given));
  expect(config).toEqual({
    ...given,
    tables: each(true, given.tables),
    ring_bytes: each(16 * MIB, given.ring_bytes),
    parameters: NO_PARAMETERS,
  });
  expect(new Set(Object.values(origin))).toEqual(new Set(['file']));
  expect(load('{"max_text": 300}').origin).toMatchObject({ max_text: 'file', targets: 'default' });
});

test('one ring size is that of every table; a table that is not named has the default', () => {
  expect(load('{"ring_bytes": 4294967296}').config.ring_bytes).toEqual(each(2 ** 32));
  expect(load('{"ring_bytes": {}, "tables": {}}').config).toEqual(DEFAULT);
});

test.each([
  ['', 'is no JSON at line 1, column 1'],
  ['{', 'is no JSON at line 1, column 2'],
  ['{"a": 1,}', 'is no JSON at line 1, column 9'],
  ['{\n  "max_text": tru\n}', 'is no JSON at line 2, column 18'],
  ['{}\n{}', 'is no JSON at line 2, column 1'],
  ['nope', 'is no JSON at line 1, column 2'],
  ['{"a": "', 'is no JSON at line 1, column 8'],
  ['[]', 'must be an object'],
  ['null', 'must be an object'],
  ['"text"', 'must be an object'],
  ['{"state_dirr": "/x"}', 'state_dirr: is no known key; did you mean state_dir?'],
  ['{"wholly_other": 1}', `wholly_other: is no known key; known: ${CONFIG_KEYS.join(', ')}`],
  ['{"a\\u001b[31m\\n": 1}', /^a\\u001b\[31m\\u000a: is no known key/],
  ['{"__proto__": {"max_text": 300}}', /^__proto__: is no known key/],
  ['{"constructor": 1}', /^constructor: is no known key/],
  ['{"state_dir": "relative"}', 'state_dir: must be an absolute path'],
  ['{"state_dir": ""}', 'state_dir: must be an absolute path'],
  ['{"state_dir": "/a\\u0000"}', 'state_dir: must be an absolute path'],
  ['{"state_dir": 7}', 'state_dir: must be an absolute path'],
  ['{"state_dir": null}', 'state_dir: must be an absolute path'],
  ['{"tables": []}', /^tables: must be an object/],
  [`{"tables": {"${SHELL}": 1}}`, `tables.${SHELL}: must be true or false`],
  [
    '{"tables": {"shell_history": true}}',
    `tables.shell_history: is no table that is captured; known: ${TABLES.join(', ')}`,
  ],
  [
    '{"tables": {"shell_history_life": true}}',
    `tables.shell_history_life: is no table that is captured; did you mean ${SHELL}?`,
  ],
  ['{"ring_bytes": 65535}', /^ring_bytes: must be a power of two from 65536 \(64 KiB\) to 429/],
  ['{"ring_bytes": 32768}', /^ring_bytes: must be a power of two/],
  ['{"ring_bytes": 8589934592}', /^ring_bytes: must be a power of two/],
  ['{"ring_bytes": "16MiB"}', /^ring_bytes: must be a power of two/],
  ['{"ring_bytes": null}', /^ring_bytes: must be a power of two/],
  ['{"ring_bytes": -65536}', /^ring_bytes: must be a power of two/],
  [`{"ring_bytes": {"${SHELL}": 7}}`, new RegExp(`^ring_bytes.${SHELL}: must be a power of two`)],
  ['{"ring_bytes": {"x": 65536}}', /^ring_bytes.x: is no table that is captured/],
  ['{"kernel_ring_bytes": 2147483648}', /^kernel_ring_bytes: .* to 1073741824 \(1 GiB\)$/],
  ['{"kernel_ring_bytes": 98304}', /^kernel_ring_bytes: must be a power of two/],
  ['{"max_text": 255}', 'max_text: must be a whole number from 256 to 1048576'],
  ['{"max_text": 1048577}', 'max_text: must be a whole number from 256 to 1048576'],
  ['{"max_text": 300.5}', 'max_text: must be a whole number from 256 to 1048576'],
  ['{"max_text": 1e999}', 'max_text: must be a whole number from 256 to 1048576'],
  ['{"keep_capture": "true"}', 'keep_capture: must be true or false'],
  ['{"redaction": true}', 'redaction: must be an object with on and rules'],
  [
    '{"redaction": {"rules": [{"keyword": "key", "pattern": "(?=a)"}]}}',
    /^redaction.rules\[0\].pattern: is no regular expression of RE2: .*\(\?=/,
  ],
  [
    '{"redaction": {"rules": [{"keyword": "key", "pattern": "a*"}]}}',
    'redaction.rules[0].pattern: must not match the empty text',
  ],
  [
    '{"redaction": {"rules": [{"keyword": "k", "pattern": "a"}]}}',
    /^redaction.rules\[0\].keyword: must be a text of 3/,
  ],
  ['{"redaction": {"rules": [{"patern": "a"}]}}', /^redaction.rules\[0\]/],
  ['{"redaction": {"of": true}}', /^redaction.of: is no known key/],
  ['{"metrics": 9464}', 'metrics: must be an object with file, port and interval'],
  ['{"metrics": {"port": 0}}', 'metrics.port: must be a whole number from 1 to 65535'],
  ['{"metrics": {"file": "x.prom"}}', 'metrics.file: must be an absolute path'],
  ['{"metrics": {"prot": 1}}', /^metrics.prot: is no known key; did you mean port/],
  ['{"mysql": []}', 'mysql: must be an object with all_commands'],
  ['{"mysql": {"all": true}}', /^mysql.all: is no known key/],
  ['{"shell": []}', 'shell: must be an object with sources, pid, uid, auid, exit_code, cgroup'],
  ['{"shell": {"cgroup": {"keep": [7]}}}', 'shell.cgroup.keep[0]: must be an absolute path'],
  ['{"shell": {"cgroup": {"drop": []}}}', 'shell.cgroup.drop: must be an array of 1 to 32 cgroups'],
  ['{"shell": {"sorces": []}}', 'shell.sorces: is no known key; did you mean sources?'],
  ['{"shell": {"sources": []}}', /^shell.sources: must be an array of at least one of: prompt, /],
  ['{"shell": {"sources": ["cron"]}}', /^shell.sources\[0\]: must be one of: prompt, /],
  ['{"shell": {"uid": [0]}}', 'shell.uid: must be an object with keep or drop, not both'],
  ['{"shell": {"uid": {}}}', 'shell.uid: must be an object with keep or drop, not both'],
  [
    '{"shell": {"pid": {"keep": [1], "drop": [2]}}}',
    'shell.pid: must be an object with keep or drop, not both',
  ],
  ['{"shell": {"pid": {"kep": [1]}}}', 'shell.pid.kep: is no known key; did you mean keep?'],
  ['{"shell": {"pid": {"keep": []}}}', 'shell.pid.keep: must be an array of 1 to 32 process ids'],
  [
    `{"shell": {"pid": {"keep": ${JSON.stringify(Array(33).fill(1))}}}}`,
    /an array of 1 to 32 process ids/,
  ],
  [
    '{"shell": {"exit_code": {"drop": [256]}}}',
    'shell.exit_code.drop[0]: must be a whole number from 0 to 255',
  ],
  [
    '{"shell": {"uid": {"drop": [-1]}}}',
    'shell.uid.drop[0]: must be a whole number from 0 to 4294967295',
  ],
  ['{"targets": {}}', /^targets: must be an array/],
  ['{"targets": [7]}', 'targets[0]: must be an object with program, path and symbols'],
  [
    '{"targets": [{"program": "bash", "path": "/x", "symbols": {"readlin": "a"}}]}',
    /^targets\[0\]\.symbols\.readlin: is no symbol that bash is captured by; known: .*read_command/,
  ],
  [
    '{"targets": [{"program": "bash", "path": "/x", "symbols": {"read_command": "0x"}}]}',
    'targets[0].symbols.read_command: must be the name of a symbol, or the file offset of the function as 0x…',
  ],
  [
    '{"targets": [{"program": "bash", "path": "/x", "symbols": {"interactive": "0x10"}}]}',
    'targets[0].symbols.interactive: must be the name of a symbol',
  ],
  [
    '{"targets": [{"program": "bash", "path": "/x", "symbols": {"read_command": 7}}]}',
    'targets[0].symbols.read_command: must be a text',
  ],
  ['{"targets": [{"program": "bash"}]}', 'targets[0].path: must be an absolute path'],
  ['{"targets": [{"path": "/x"}]}', /^targets\[0\].program: must be one of: bash, /],
  [
    '{"targets": [{"program": "tcsh", "path": "/x"}]}',
    /^targets\[0\].program: must be one of: bash, /,
  ],
  [
    '{"targets": [{"program": "bash", "path": "/x", "pathh": 1}]}',
    'targets[0].pathh: is no known key; did you mean path?',
  ],
  [JSON.stringify({ targets: Array(1001).fill({ program: 'bash', path: '/x' }) }), /at most 1000/],
])('%.80p is refused whole, with file, key and reason', (text, reason) => {
  const message = refusal(() => load(text));
  expect(message.slice(0, file.length + 2)).toBe(`${file}: `);
  const rest = message.slice(file.length + 2);
  if (typeof reason === 'string') expect(rest).toBe(reason);
  else expect(rest).toMatch(reason);
});

describe('a file that cannot be trusted or read is refused', () => {
  afterEach(() => rmSync(file, { recursive: true, force: true }));

  test('a directory, a device, one of endless length, bytes that are not UTF-8', () => {
    expect(refusal(() => loadConfig({ file: directory }))).toMatch(/is no regular file$/);
    expect(refusal(() => loadConfig({ file: '/dev/zero' }))).toMatch(/is no regular file$/);
    expect(refusal(() => load(' '.repeat(MIB + 1)))).toMatch(/is larger than 1048576 bytes$/);
    expect(refusal(() => load(Uint8Array.of(0x22, 0xff, 0x22)))).toMatch(/is not UTF-8$/);
    expect(refusal(() => loadConfig({ file: 'a\0b' }))).toMatch(/cannot be read/);
  });

  test.each([0o620, 0o602, 0o666])('mode %o: others may write it', (mode) => {
    load('{}');
    chmodSync(file, mode);
    expect(refusal(() => loadConfig({ file }))).toContain(`(mode ${mode.toString(8)})`);
    chmodSync(file, 0o644);
    expect(loadConfig({ file }).config).toEqual(DEFAULT);
  });

  const asRoot = process.geteuid?.() === 0 ? test : test.skip;
  asRoot('of another owner (skipped where we are not root)', () => {
    load('{}');
    chownSync(file, 65534, 65534);
    expect(refusal(() => loadConfig({ file }))).toMatch(/belongs to uid 65534/);
  });
});

describe('osquery options', () => {
  const from = (options: Record<string, string>) =>
    configFromOsquery(new Map(Object.entries(options)));

  test('texts: a path as it stands, the others JSON; what is not ours is passed over', () => {
    expect(
      from({
        custom_live_audit_state_dir: '/x',
        custom_live_audit_max_text: '300',
        custom_live_audit_tables: `{"${SHELL}":false}`,
        custom_other: '{',
        verbose: 'true',
      }),
    ).toEqual({ state_dir: '/x', max_text: 300, tables: { [SHELL]: false } });
    expect(from({})).toEqual({});
  });

  test.each([
    ['custom_live_audit_max_text', 'many', /: is no JSON at line 1, column 1$/],
    ['custom_live_audit_max_text', '"300"', /: max_text: must be a whole number/],
    ['custom_live_audit_keep_capture', '', /: is no JSON/],
    ['custom_live_audit_state_dir', 'x', /: state_dir: must be an absolute path$/],
    ['custom_live_audit_ring', '1', /: is no known key; known: state_dir/],
    ['custom_live_audit___proto__', '{}', /: is no known key/],
  ])('%s=%s is refused by its name', (name, text, reason) => {
    const message = refusal(() => from({ [name]: text }));
    expect(message).toContain(`osquery option ${name}`);
    expect(message).toMatch(reason);
  });
});

test('flag before environment before osquery before file before default, key by key', () => {
  const sources = {
    stateDirFlag: '/flag',
    environment: { LIVE_AUDIT_STATE_DIR: '/environment' },
    osquery: new Map([
      ['custom_live_audit_state_dir', '/osquery'],
      ['custom_live_audit_max_text', '400'],
    ]),
  };
  const text = '{"state_dir": "/file", "max_text": 300, "keep_capture": false}';
  const seen = (more: Partial<ConfigSources>) => {
    const { config, origin } = load(text, more);
    return [config.state_dir, origin.state_dir];
  };
  const { stateDirFlag, ...noFlag } = sources;
  expect(seen(sources)).toEqual(['/flag', 'flag']);
  expect(seen({ ...noFlag, stateDirFlag: '' })).toEqual(['/environment', 'environment']);
  expect(seen({ osquery: sources.osquery })).toEqual(['/osquery', 'osquery']);
  expect(seen({ environment: { LIVE_AUDIT_STATE_DIR: '' } })).toEqual(['/file', 'file']);
  expect(load(text, sources)).toMatchObject({
    config: { max_text: 400, keep_capture: false, kernel_ring_bytes: 8 * MIB },
    origin: { max_text: 'osquery', keep_capture: 'file', kernel_ring_bytes: 'default' },
  });
});

test('the keys that differ are named', () => {
  const { config } = load('{}');
  expect(diffConfig(config, load('{"tables": {}}').config)).toEqual([]);
  const other = load(`{"tables": {"${SHELL}": false}, "max_text": 300}`).config;
  expect(diffConfig(config, other)).toEqual(['tables', 'max_text']);
});

test('any value is taken or refused as CONFIG in one printable line', () => {
  const known = fc.constantFrom(...CONFIG_KEYS, SHELL, 'program', 'path', '__proto__');
  const key = fc.oneof(known, fc.string({ unit: 'binary' }));
  const value = fc.oneof(fc.jsonValue(), fc.dictionary(key, fc.dictionary(key, fc.jsonValue())));
  fc.assert(
    fc.property(fc.oneof(value, fc.dictionary(key, value)), (any) => {
      try {
        decode(parseJson(JSON.stringify(any)), 'x');
      } catch (error) {
        expect(error).toMatchObject({ code: 'CONFIG' });
        expect((error as Error).message).toMatch(/^[\x20-\x7e]+$/);
      }
    }),
    { numRuns: 500 },
  );
});

test('an error of JSON is placed where one foreign character stands', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.nat(), (any, n) => {
      const text = JSON.stringify(any, null, 1);
      const at = n % (text.length + 1);
      const wrong = `${text.slice(0, at)}\u0001${text.slice(at)}`; // allowed nowhere in JSON
      const before = text.slice(0, at).split('\n');
      const place = `is no JSON at line ${before.length}, column ${(before.at(-1) ?? '').length + 1}`;
      expect(() => parseJson(wrong)).toThrow(place);
    }),
    { numRuns: 300 },
  );
});

test('distance of names', () => {
  expect(editDistance('', 'abc')).toBe(3);
  expect(editDistance('kitten', 'sitting')).toBe(3);
  expect(editDistance('same', 'same')).toBe(0);
});

test('the page has a row for each key, and its examples are valid', () => {
  const page = configurationPage();
  for (const key of CONFIG_KEYS) expect(page).toContain(`\n| \`${key}\` | `);
  const [example, osquery] = [...page.matchAll(/```json\n(.*?)```/gs)].map(([, text]) =>
    JSON.parse(text ?? ''),
  );
  mkdirSync(directory, { recursive: true });
  const { config } = load(JSON.stringify(example));
  expect(config.ring_bytes).toMatchObject({ [SHELL]: 64 * MIB });
  const options = new Map<string, string>(Object.entries(osquery.options));
  expect(configFromOsquery(options)).toEqual({ max_text: 65536, targets: config.targets });
});
