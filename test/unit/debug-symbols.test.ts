/** Symbols of stripped programs: from .gnu_debugdata and from debug files, as the linker's own tools make them. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { findAllSymbols } from '../../native/debug-symbols.ts';
import { withElf } from '../../native/elf.ts';
import { findSymbols } from '../../native/elf-symbols.ts';
import { unxz } from '../../native/xz.ts';

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'debug-'));
afterAll(() => fs.rmSync(directory, { recursive: true }));
const at = (name: string) => path.join(directory, name);
const run = (command: string, ...args: string[]) =>
  execFileSync(command, args, { cwd: directory, stdio: ['ignore', 'pipe', 'inherit'] });

const NAMES = new Set(['hidden', 'counter', 'nowhere']);
const whole = at('whole');
const stripped = at('stripped');
const symbolsOf = (file: string, files = at('files')) =>
  withElf(file, (elf) => findAllSymbols(elf, file, NAMES, files));
const addressesOf = (file: string, files?: string) =>
  Object.fromEntries([...symbolsOf(file, files)].map(([name, { vaddr }]) => [name, vaddr]));
let expected: Record<string, number>;

beforeAll(() => {
  fs.writeFileSync(
    at('it.c'),
    'int counter = 1; __attribute__((noinline)) static int hidden(int a) { return a * counter; } int main(int n, char **v) { return hidden(n); }',
  );
  run('clang', '-O1', '-Wl,--build-id=sha1', '-o', 'whole', 'it.c');
  run('objcopy', '--only-keep-debug', 'whole', 'it.debug');
  run('strip', '-o', 'stripped', 'whole');
  expected = addressesOf(whole);
  expect(Object.keys(expected).sort()).toEqual(['counter', 'hidden']);
});

test('a stripped program alone has none', () => {
  expect(addressesOf(stripped)).toEqual({});
});

test('from .gnu_debugdata', () => {
  fs.writeFileSync(at('it.debug.xz'), run('xz', '-c', '--check=crc64', 'it.debug'));
  run('objcopy', '--add-section', '.gnu_debugdata=it.debug.xz', 'stripped', 'mini');
  expect(addressesOf(at('mini'))).toEqual(expected);
});

test('what is packed there may be damaged, empty, or no ELF file', () => {
  const packed = fs.readFileSync(at('it.debug.xz'));
  const damaged = Buffer.from(packed);
  damaged.fill(0x55, damaged.length / 2, damaged.length / 2 + 64);
  for (const [i, bytes] of [
    damaged,
    packed.subarray(0, -9),
    Buffer.alloc(0),
    Buffer.from('not packed'),
  ].entries()) {
    fs.writeFileSync(at('damaged.xz'), bytes);
    run('objcopy', '--add-section', '.gnu_debugdata=damaged.xz', 'stripped', `damaged${i}`);
    expect(addressesOf(at(`damaged${i}`))).toEqual({});
  }
});

test('what unpacks to more than the bound is left alone', () => {
  fs.writeFileSync(at('zeros'), Buffer.alloc(8 * 1024 * 1024));
  const packed = run('xz', '-c', 'zeros');
  expect(unxz(packed, 8 * 1024 * 1024)?.length).toBe(8 * 1024 * 1024);
  expect(unxz(packed, 8 * 1024 * 1024 - 1)).toBeNull();
});

test('from the debug file of its build id, and of no other', () => {
  const buildId = withElf(stripped, (elf) => elf.buildId) ?? '';
  expect(buildId).toMatch(/^[0-9a-f]{40}$/);
  const place = (id: string) => path.join(at('files'), id.slice(0, 2), `${id.slice(2)}.debug`);
  fs.mkdirSync(path.dirname(place(buildId)), { recursive: true });
  fs.copyFileSync(at('it.debug'), place(buildId));
  expect(addressesOf(stripped)).toEqual(expected);
  expect(addressesOf(stripped, at('elsewhere'))).toEqual({});

  fs.writeFileSync(at('other.c'), 'int hidden(void) { return 1; } int main() { return hidden(); }');
  run('clang', '-Wl,--build-id=sha1', '-o', 'other', 'other.c');
  fs.copyFileSync(at('other'), place(buildId));
  expect(addressesOf(stripped)).toEqual({});
});

test('what the file itself says goes first', () => {
  withElf(whole, (elf) => {
    expect(findAllSymbols(elf, whole, NAMES, at('files'))).toEqual(findSymbols(elf, NAMES));
  });
});
