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

const PACKAGE_FOLDER = /^.*node_modules\/(@[^/]+\/)?[^/]+/;

/** koffi's own loader finds its addon as this package. */
const KOFFI_ADDON = /^@koromix\/koffi-/;

/** The version of this release, where the program asks package.json for it. */
const releaseVersion = (version: string): Plugin => ({
  name: 'release version',
  setup(builder) {
    builder.onLoad({ filter: /\/package\.json$/ }, ({ path: file }) =>
      file === path.resolve('package.json')
        ? { contents: JSON.stringify({ version }), loader: 'json' }
        : null,
    );
  },
});

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

export interface Executable {
  readonly file: string;
  /** Folders of the npm packages in it. */
  readonly packages: readonly string[];
}

async function bundle(target: Target, version: string): Promise<Executable> {
  const file = path.join(target.dir, 'live_audit.cjs');
  const { outputFiles, metafile } = await build({
    entryPoints: ['extension/cli/main.ts'],
    outfile: file,
    ...BUNDLE_OPTIONS,
    metafile: true,
    plugins: [embeddedKoffi(target.arch), releaseVersion(version)],
  });
  for (const { path: output, contents } of outputFiles) writeWhole(output, contents);
  const folders = Object.keys(metafile.inputs).map((input) => PACKAGE_FOLDER.exec(input)?.[0]);
  return { file, packages: [...new Set(folders.filter((f) => f !== undefined))].sort() };
}

/**
 * @param assets by name
 * @throws Error
 */
export async function buildExecutable(
  target: Target,
  assets: Readonly<Record<string, string>>,
  version: string,
): Promise<Executable> {
  const { file: main, packages } = await bundle(target, version);
  const blob = path.join(target.dir, 'sea.blob');
  const config = path.join(target.dir, 'sea.json');
  writeWhole(
    config,
    JSON.stringify({
      main,
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
  return { file: executable, packages };
}
