/** What is built again and what is not, with a compiler that records its calls. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BpfResult, buildBpf } from '../../scripts/build-bpf.ts';
import { buildBundle } from '../../scripts/build-bundle.ts';

let dir: string;
beforeEach(() => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), 'build ')));
  mkdirSync(join(dir, 'bpf'));
  source('event.h', 'v1');
  source('shell.bpf.c', 'shell');
  source('mysql.bpf.c', 'mysql');
  script('strip', 'exit 0');
  // The object holds the source's text; a source that says `error` does not compile.
  script(
    'clang',
    `[ "$1" != --version ] || { cat "${dir}/version"; exit; }
while [ "$1" != -c ]; do shift; done
! grep -q error "$2" || { echo "$2: error" >&2; exit 1; }
cp "$2" "$4"`,
  );
  writeFileSync(join(dir, 'version'), '14');
});
afterEach(() => rmSync(dir, { recursive: true }));

const source = (name: string, text: string): void => writeFileSync(join(dir, 'bpf', name), text);

function script(name: string, body: string): void {
  writeFileSync(join(dir, name), `#!/bin/sh\n${body}\n`);
  chmodSync(join(dir, name), 0o755);
}

const build = (clang = join(dir, 'clang')): BpfResult | undefined =>
  buildBpf({
    sourceDir: join(dir, 'bpf'),
    outDir: join(dir, 'out'),
    arch: 'x64',
    clang,
    strip: join(dir, 'strip'),
  });

const objects = (): string[] =>
  readdirSync(join(dir, 'out')).filter((file) => file.endsWith('.bpf.o'));

describe('BPF objects', () => {
  test('are built once and then kept', () => {
    expect(build()).toEqual({ built: ['mysql.bpf.c', 'shell.bpf.c'], kept: [] });
    expect(objects()).toEqual(['mysql.bpf.o', 'shell.bpf.o']);
    expect(build()).toEqual({ built: [], kept: ['mysql.bpf.c', 'shell.bpf.c'] });
  });

  test('a changed source builds its own object only, a changed header or compiler builds all', () => {
    build();
    source('shell.bpf.c', 'shell 2');
    expect(build()?.built).toEqual(['shell.bpf.c']);
    source('event.h', 'v2');
    expect(build()?.built).toHaveLength(2);
    writeFileSync(join(dir, 'version'), '19');
    expect(build()?.built).toHaveLength(2);
  });

  test('a source that does not compile fails with the message and leaves the last good object', () => {
    build();
    source('shell.bpf.c', 'error');
    expect(() => build()).toThrow('shell.bpf.c: error');
    expect(readFileSync(join(dir, 'out/shell.bpf.o'), 'utf8')).toBe('shell');
    source('shell.bpf.c', 'shell 3');
    build();
    expect(readFileSync(join(dir, 'out/shell.bpf.o'), 'utf8')).toBe('shell 3');
  });

  test('an object goes when its source is gone', () => {
    build();
    rmSync(join(dir, 'bpf/shell.bpf.c'));
    build();
    expect(objects()).toEqual(['mysql.bpf.o']);
  });

  test('without a compiler there is no result, and no failure', () => {
    expect(build(join(dir, 'no-clang'))).toBeUndefined();
  });
});

describe('the executable', () => {
  /** A repository whose Node prints its arguments. */
  async function repository(): Promise<string> {
    writeFileSync(join(dir, 'main.ts'), 'const answer: number = 42;\nconsole.log(answer);\n');
    const bin = join(dir, `node_modules/node-linux-${process.arch}/bin`);
    mkdirSync(bin, { recursive: true });
    symlinkSync(process.execPath, join(bin, 'node'));
    await buildBundle(join(dir, 'main.ts'), join(dir, 'build'));
    return join(dir, 'build/live_audit.ext');
  }

  test('runs the bundle from any folder, also through a link', async () => {
    const ext = await repository();
    symlinkSync(ext, join(dir, 'link.ext'));
    for (const path of [ext, join(dir, 'link.ext')]) {
      const { stdout, status } = spawnSync(path, { cwd: '/', encoding: 'utf8' });
      expect({ stdout, status }).toEqual({ stdout: '42\n', status: 0 });
    }
  });

  test('passes arguments and exit code through', async () => {
    const ext = await repository();
    writeFileSync(
      join(dir, 'main.ts'),
      'console.log(JSON.stringify(process.argv.slice(2)));\nprocess.exitCode = 2;\n',
    );
    await buildBundle(join(dir, 'main.ts'), join(dir, 'build'));
    const { stdout, status } = spawnSync(ext, ['query', "SELECT 'a  b'", ''], { encoding: 'utf8' });
    expect(JSON.parse(stdout)).toEqual(['query', "SELECT 'a  b'", '']);
    expect(status).toBe(2);
  });

  test('is written only when its content changed', async () => {
    await repository();
    expect(await buildBundle(join(dir, 'main.ts'), join(dir, 'build'))).toEqual([]);
    writeFileSync(join(dir, 'main.ts'), 'console.log(43);\n');
    const written = await buildBundle(join(dir, 'main.ts'), join(dir, 'build'));
    expect(written).toContain(join(dir, 'build/live_audit.cjs'));
    expect(written).not.toContain(join(dir, 'build/live_audit.ext'));
    expect(existsSync(join(dir, 'build/live_audit.cjs.new'))).toBe(false);
  });
});
