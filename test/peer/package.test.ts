/** The package as a user gets it: packed, installed into an empty directory, its README's examples run. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Peer } from './peer.ts';

const ROOT = join(__dirname, '..', '..');
const README = readFileSync(join(ROOT, 'extension/sdk/README.md'), 'utf8');

let directory: string;

/** Under the Node that runs the tests; esbuild's own process does not live in jest. */
function node(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: directory,
    encoding: 'utf8',
    env: process.env,
  });
  if (status !== 0) throw new Error(`${stdout}${stderr}`);
  return stdout;
}

function example(n: number): string {
  const found = [...README.matchAll(/```ts\n([\s\S]*?)```/g)][n]?.[1];
  if (found === undefined) throw new Error(`no example ${n} in the README`);
  return found;
}

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'osquery-extension-'));
  const packed = join(directory, 'packed');
  mkdirSync(packed);
  const tarball = node(join(ROOT, 'scripts/build-sdk.ts'), packed).trim();
  writeFileSync(join(directory, 'package.json'), '{"type":"module","private":true}');
  node(
    '--input-type=module',
    '-e',
    `import { npm } from ${JSON.stringify(join(ROOT, 'scripts/build-sdk.ts'))};
     npm(['install', '--offline', '--no-audit', '--no-fund', ${JSON.stringify(tarball)}], '.');`,
  );
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

test('it has no dependencies and nothing that it need not have', () => {
  const lock = JSON.parse(readFileSync(join(directory, 'package-lock.json'), 'utf8')) as {
    packages: object;
  };
  expect(Object.keys(lock.packages)).toEqual(['', 'node_modules/osquery-extension']);
  const files = node('-e', "console.log(fs.readdirSync('node_modules/osquery-extension').join())");
  expect(files.trim().replace(/chunk-\w+/, 'chunk')).toBe(
    'LICENSE,README.md,chunk.js,index.js,package.json,testing.js,types',
  );
});

test('its examples are well typed', () => {
  symlinkSync(join(ROOT, 'node_modules/@types'), join(directory, 'node_modules/@types'));
  writeFileSync(join(directory, 'environment.ts'), example(0));
  writeFileSync(join(directory, 'mock.ts'), `${example(1)}export { rows };\n`);
  const flags = '--noEmit --strict --target es2024 --module nodenext --types node'.split(' ');
  node(join(ROOT, 'node_modules/typescript/bin/tsc'), ...flags, 'environment.ts', 'mock.ts');
});

test('its first example serves a table to an osquery core', async () => {
  writeFileSync(join(directory, 'environment.ts'), example(0));
  const peer = await Peer.start(0.3);
  const extension: ChildProcess = spawn(
    process.execPath,
    ['environment.ts', '--socket', peer.socket, '--timeout', '3', '--interval', '3', '--verbose'],
    {
      cwd: directory,
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, SEEN: 'yes' },
    },
  );
  const left = new Promise((done) => extension.once('exit', done));
  try {
    const listens = async () => {
      const uuids = Object.keys(await peer.extensions());
      return uuids.some((uuid) => uuid !== '0' && existsSync(`${peer.socket}.${uuid}`));
    };
    for (let i = 0; i < 500 && !(await listens()); i++) await sleep(20);
    const answer = await peer.sql("SELECT value FROM node_environment WHERE name = 'SEEN'");
    expect(answer.rows).toEqual([{ value: 'yes' }]);
    extension.kill('SIGTERM');
    expect(await left).toBe(0);
  } finally {
    extension.kill('SIGKILL');
    await peer.stop();
  }
});
