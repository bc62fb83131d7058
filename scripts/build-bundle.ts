/** Bundles the command line into build/live_audit.cjs, and writes the launcher beside it. */
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

const BUNDLE = 'live_audit.cjs';
const LAUNCHER = 'live_audit.ext';

/** Packages with a native part: found in node_modules when they are needed. */
const EXTERNAL = ['koffi'];

/** How Node runs the program: little garbage of long life is made, so a small young generation is enough. */
export const NODE_FLAGS = ['--max-semi-space-size=1', '--single-threaded-gc'];

/** What the development form and the single executable (package/bundle.ts) have in common. */
export const BUNDLE_OPTIONS = {
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node24',
  minifyWhitespace: true,
  minifySyntax: true,
  logLevel: 'warning',
  write: false,
} as const;

/**
 * esbuild takes a tenth of a second, less than knowing whether it must run: it always runs, and only
 * files whose content changed are written.
 * @returns the files that were written
 * @throws Error when a source does not compile
 */
export async function buildBundle(entry: string, outDir: string): Promise<string[]> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    outfile: join(outDir, BUNDLE),
    ...BUNDLE_OPTIONS,
    external: EXTERNAL,
    sourcemap: 'linked',
  });
  const written = outputFiles.map(({ path, contents }) => writeIfChanged(path, contents, 0o644));
  written.push(writeIfChanged(join(outDir, LAUNCHER), Buffer.from(launcher(process.arch)), 0o755));
  return written.filter((path) => path !== undefined);
}

/**
 * osqueryd runs one executable whose name ends in .ext; links to it must work.
 * @param arch Node's name of the processor
 */
export const launcher = (arch: string): string => `#!/bin/sh
# Written by scripts/build-bundle.ts: the development form of the executable.
self=$(readlink -f -- "$0")
here=\${self%/*}
exec "$here/../node_modules/node-linux-${arch}/bin/node" ${NODE_FLAGS.join(' ')} "$here/${BUNDLE}" "$@"
`;

/** Replaces the file whole, so that a process that runs it keeps what it has. */
function writeIfChanged(path: string, content: Uint8Array, mode: number): string | undefined {
  if (existsSync(path) && readFileSync(path).equals(content)) return undefined;
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(`${path}.new`, content);
  chmodSync(`${path}.new`, mode);
  renameSync(`${path}.new`, path);
  return path;
}
