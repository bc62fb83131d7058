/**
 * The single executable: the pinned Node, stripped, with the bundle and its assets in a segment of their own
 * (Node's single executable applications). A blob is the same for every processor: without a snapshot and
 * without V8's code cache nothing in it is of the machine that makes it.
 */
import fs from 'node:fs';
import path from 'node:path';
import { build, type Plugin } from 'esbuild';
import { BUNDLE_OPTIONS, NODE_FLAGS } from '../build-bundle.ts';
import { run, type Target, writeWhole } from './target.ts';

/** Where Node looks for the blob, and the mark in its binary that is set when there is one (node.h, sea docs). */
const RESOURCE = 'NODE_SEA_BLOB';
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

const POSTJECT = 'node_modules/postject/dist/cli.js';

/** koffi's own loader finds its addon as this package. */
const KOFFI_ADDON = /^@koromix\/koffi-/;

const embeddedKoffi = (arch: string): Plugin => ({
  name: 'embedded koffi',
  setup(builder) {
    const resolveDir = process.cwd();
    builder.onResolve({ filter: /^koffi$/ }, () => ({
      path: path.resolve('node_modules/koffi/index.cjs'),
    }));
    builder.onResolve({ filter: KOFFI_ADDON }, ({ path: name }) =>
      name === `@koromix/koffi-linux-${arch}`
        ? { path: name, namespace: 'koffi' }
        : { path: name, external: true },
    );
    builder.onLoad({ filter: /.*/, namespace: 'koffi' }, () => ({
      contents: `module.exports = require('./native/koffi-embedded.ts').addon;`,
      resolveDir,
    }));
  },
});

/** @returns the path of the bundle */
async function bundle(target: Target): Promise<string> {
  const outfile = path.join(target.dir, 'live_audit.cjs');
  const { outputFiles } = await build({
    entryPoints: ['extension/cli/main.ts'],
    outfile,
    ...BUNDLE_OPTIONS,
    plugins: [embeddedKoffi(target.arch)],
  });
  for (const { path: file, contents } of outputFiles) writeWhole(file, contents);
  return outfile;
}

/**
 * @param assets by name
 * @returns the path of the executable
 * @throws Error
 */
export async function buildExecutable(
  target: Target,
  assets: Readonly<Record<string, string>>,
): Promise<string> {
  const blob = path.join(target.dir, 'sea.blob');
  const config = path.join(target.dir, 'sea.json');
  writeWhole(
    config,
    JSON.stringify({
      main: await bundle(target),
      output: blob,
      disableExperimentalSEAWarning: true,
      useSnapshot: false,
      useCodeCache: false,
      execArgv: NODE_FLAGS,
      // Neither NODE_OPTIONS nor a flag of the caller changes what a program of root does.
      execArgvExtension: 'none',
      assets,
    }),
  );
  run(process.execPath, ['--experimental-sea-config', config]);
  const executable = path.join(target.dir, 'live_audit.ext');
  run('llvm-strip', ['-o', `${executable}.new`, target.node]); // before: it would take the blob out
  run(process.execPath, [POSTJECT, `${executable}.new`, RESOURCE, blob, '--sentinel-fuse', FUSE]);
  fs.chmodSync(`${executable}.new`, 0o755);
  fs.renameSync(`${executable}.new`, executable);
  return executable;
}
