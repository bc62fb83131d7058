/**
 * The package `osquery-extension` as it is published: `node scripts/build-sdk.ts [DIRECTORY]` writes it to
 * build/osquery-extension and packs it beside. It needs nothing but Node: Thrift's part is bundled.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';

const ROOT = resolve(import.meta.dirname, '..');
const SDK = join(ROOT, 'extension', 'sdk');

/** @returns the path of the tarball */
export async function buildSdk(outDir: string): Promise<string> {
  const target = join(outDir, 'osquery-extension');
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  await build({
    entryPoints: { index: join(SDK, 'index.ts'), testing: join(SDK, 'testing', 'index.ts') },
    outdir: target,
    bundle: true,
    // Both entries share what they have in common: an error of one is an error of the other.
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    logLevel: 'warning',
    // npm thrift's one file that is used requires `util`.
    banner: {
      js: "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);",
    },
  });
  run(process.execPath, [
    join(ROOT, 'node_modules/typescript/bin/tsc'),
    '--project',
    join(SDK, 'tsconfig.json'),
    '--outDir',
    join(target, 'types'),
  ]);
  for (const file of ['package.json', 'README.md']) cpSync(join(SDK, file), join(target, file));
  cpSync(join(ROOT, 'LICENSE'), join(target, 'LICENSE'));
  const packed = npm(['pack', '--json', '--pack-destination', outDir], target);
  const [{ filename = '' } = {}] = JSON.parse(packed) as { filename?: string }[];
  return join(outDir, filename);
}

/** Debian's npm runs under Debian's Node only, not under the one that `npm run` puts first. */
export function npm(args: readonly string[], cwd: string): string {
  const { PATH = '' } = process.env;
  const machine = PATH.split(':').filter((entry) => !entry.endsWith('/node_modules/.bin'));
  return run('npm', args, cwd, { ...process.env, PATH: machine.join(':') });
}

/** @returns what it printed */
function run(command: string, args: readonly string[], cwd = ROOT, env = process.env): string {
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    env,
  });
  if (status === 0) return stdout;
  throw new Error(`${command}: ${error?.message ?? `${stdout}${stderr}`}`);
}

if (import.meta.main) console.log(await buildSdk(resolve(process.argv[2] ?? join(ROOT, 'build'))));
