/** The config file: missing and `{}` are fine, a wrong one is refused whole. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfig } from '../../extension/cli/config.ts';
import { LiveAuditError } from '../../native/errors.ts';

const directory = mkdtempSync(join(tmpdir(), 'config-'));
afterAll(() => rmSync(directory, { recursive: true }));
const path = join(directory, 'config.json');
const read = (text: string) => {
  writeFileSync(path, text);
  return readConfig(path);
};

test('missing, also below a missing directory or a file: the defaults', () => {
  expect(readConfig(join(directory, 'missing'))).toEqual({});
  expect(readConfig(join(directory, 'no/such/file'))).toEqual({});
  writeFileSync(path, '{}');
  expect(readConfig(join(path, 'below'))).toEqual({});
});

test('{} means the defaults; a state directory is taken', () => {
  expect(read('{}')).toEqual({});
  expect(read(' {"state_dir": "/var/lib/x"}\n')).toEqual({ state_dir: '/var/lib/x' });
});

test.each([
  ['', /is no JSON/],
  ['{', /is no JSON/],
  ['{"a": 1,}', /is no JSON/],
  ['[]', /is no object/],
  ['null', /is no object/],
  ['"text"', /is no object/],
  ['7', /is no object/],
  ['{"state_dirr": "/x"}', /unknown key state_dirr/],
  ['{"__proto__": {"state_dir": "/x"}}', /unknown key __proto__/],
  ['{"state_dir": "relative"}', /state_dir must be an absolute path/],
  ['{"state_dir": 7}', /state_dir must be an absolute path/],
  ['{"state_dir": null}', /state_dir must be an absolute path/],
])('%p is refused, with the path and the reason', (text, reason) => {
  expect(() => read(text)).toThrow(LiveAuditError);
  expect(() => read(text)).toThrow(reason);
  expect(() => read(text)).toThrow(path);
});

test('a directory in its place is refused', () => {
  const folder = join(directory, 'folder');
  mkdirSync(folder);
  expect(() => readConfig(folder)).toThrow(/cannot be read \(EISDIR\)/);
});
