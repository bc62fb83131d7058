/** The config is loaded again when its file changes, however it is written. */
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { loadConfig } from '../../extension/cli/config/load.ts';
import { type ConfigWatch, watchConfig } from '../../extension/cli/config/watch.ts';

const root = mkdtempSync(join(tmpdir(), 'config-watch-'));
afterAll(() => rmSync(root, { recursive: true }));
let watches: ConfigWatch[] = [];
afterEach(() => {
  for (const watch of watches) watch.close();
  watches = [];
});

let count = 0;
/** A watch of a file, and what it says, one after the other. */
function start(text: string | null, below = '') {
  const file = join(root, String(count++), below, 'config.json');
  mkdirSync(join(root, String(count - 1)), { recursive: true });
  if (text !== null) writeFileSync(file, text);
  const said: string[] = [];
  const waiting: ((line: string) => void)[] = [];
  const say = (line: string) => {
    const next = waiting.shift();
    if (next) next(line);
    else said.push(line);
  };
  const sources = { file };
  const watch = watchConfig({
    sources,
    loaded: loadConfig(sources),
    onConfig: ({ config }, changed) => say(`${changed.join()} ${config.max_text}`),
    onError: (error) => say(error.message.replace(`${file}: `, '')),
  });
  watches.push(watch);
  const next = () => {
    const line = said.shift();
    return line === undefined
      ? new Promise<string>((resolve) => waiting.push(resolve))
      : Promise.resolve(line);
  };
  return { file, watch, next, said };
}
const max = (n: number) => `{"max_text": ${n}}`;

test('written in place, renamed over, linked, deleted', async () => {
  const { file, next } = start(max(300));
  writeFileSync(file, max(301));
  expect(await next()).toBe('max_text 301');
  writeFileSync(`${file}.new`, max(302));
  renameSync(`${file}.new`, file);
  expect(await next()).toBe('max_text 302');
  writeFileSync(`${file}.target`, max(303));
  symlinkSync(`${file}.target`, `${file}.link`);
  renameSync(`${file}.link`, file);
  expect(await next()).toBe('max_text 303');
  unlinkSync(file);
  expect(await next()).toBe('max_text 1048576');
});

test('a wrong one is told once; the last good one stays, and is no news when it comes back', async () => {
  const { file, watch, next, said } = start(max(300));
  truncateSync(file);
  expect(await next()).toBe('is no JSON at line 1, column 1');
  watch.reload();
  expect(said).toEqual([]);
  writeFileSync(file, max(1));
  expect(await next()).toBe('max_text: must be a whole number from 256 to 1048576');
  writeFileSync(file, max(300));
  watch.reload();
  expect(said).toEqual([]);
  writeFileSync(file, max(1));
  expect(await next()).toBe('max_text: must be a whole number from 256 to 1048576');
  writeFileSync(file, max(304));
  expect(await next()).toBe('max_text 304');
});

test('rights that change are seen, without a write', async () => {
  const { file, next } = start(max(300));
  chmodSync(file, 0o666);
  expect(await next()).toMatch(/^others may write it/);
});

test('directories that are made later, and one that takes the place of another', async () => {
  const { file, next } = start(null, 'a/b');
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, max(305));
  expect(await next()).toBe('max_text 305');
  renameSync(dirname(file), `${dirname(file)}.old`);
  mkdirSync(dirname(file));
  writeFileSync(file, max(306));
  expect(await next()).toMatch(/^max_text (306|1048576)$/);
  writeFileSync(file, max(307));
  for (let line = ''; line !== 'max_text 307'; ) line = await next();
});

test('a change between loading and watching is not missed', async () => {
  const { file, watch } = start(max(300));
  watch.close();
  const sources = { file };
  const loaded = loadConfig(sources);
  writeFileSync(file, max(308));
  const changed = await new Promise((resolve, reject) => {
    watches.push(
      watchConfig({ sources, loaded, onConfig: (_, keys) => resolve(keys), onError: reject }),
    );
  });
  expect(changed).toEqual(['max_text']);
});

test('SIGHUP loads at once, and after close no more', async () => {
  const { file, watch, next, said } = start(max(300));
  writeFileSync(file, max(309));
  process.emit('SIGHUP', 'SIGHUP');
  expect(said).toEqual(['max_text 309']);
  await next();
  const listeners = process.listenerCount('SIGHUP');
  watch.close();
  expect(process.listenerCount('SIGHUP')).toBe(listeners - 1);
});
