/**
 * `npm run package [-- --arch x64,arm64 --format deb,rpm --version V]`: the single executable and the packages,
 * with a bill of materials and checksums, into build/package/. Two runs of one commit give the same bytes.
 */
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { buildBpf } from './build-bpf.ts';
import { checksums } from './package/checksums.ts';
import { buildLibbpf } from './package/libbpf.ts';
import { fetchModules } from './package/modules.ts';
import { buildPackage, FORMATS, type Format } from './package/packages.ts';
import { writeBill } from './package/sbom.ts';
import { buildExecutable } from './package/sea.ts';
import { type Arch, isArch, run, type Target, targetOf } from './package/target.ts';

/** PostgreSQL's parser, as tables/fingerprint/files.ts asks for it. */
const PARSER_DIR = 'node_modules/libpg-query/wasm';
const PARSER = ['libpg-query.js', 'libpg-query.wasm'];

const say = (line: string): void => console.log(`==> ${line}`);
const megabytes = (file: string): string => `${(fs.statSync(file).size / 1e6).toFixed(1)} MB`;

/** The time of everything that is made: of the commit, or what the caller sets, as other tools have it. */
function sourceDate(): number {
  const given = Number(process.env.SOURCE_DATE_EPOCH);
  if (Number.isInteger(given) && given > 0) return given;
  return Number(run('git', ['-c', `safe.directory=${process.cwd()}`, 'log', '-1', '--format=%ct']));
}

function assetsOf(target: Target): Record<string, string> {
  const outDir = path.join(target.dir, 'bpf');
  const tools = { clang: 'clang', strip: 'llvm-strip' };
  if (buildBpf({ sourceDir: 'bpf', outDir, arch: target.arch, ...tools }) === undefined)
    throw new Error('clang is missing: run npm run setup as root once');
  const objects = fs.readdirSync(outDir).filter((file) => file.endsWith('.o'));
  return {
    'koffi.node': target.koffi,
    ...Object.fromEntries(PARSER.map((file) => [file, path.join(PARSER_DIR, file)])),
    'libbpf.so.1': buildLibbpf(target),
    ...Object.fromEntries(objects.sort().map((file) => [file, path.join(outDir, file)])),
  };
}

async function build(arch: Arch, formats: readonly Format[], version: string): Promise<string[]> {
  const target = targetOf(arch);
  const epoch = sourceDate();
  fs.mkdirSync(target.dir, { recursive: true });
  fetchModules(target);
  const { file: executable, packages: bundled } = await buildExecutable(
    target,
    assetsOf(target),
    version,
  );
  say(`${executable}: ${megabytes(executable)}`);
  const sbom = writeBill(target, bundled, version, epoch);
  const input = { target, executable, version, epoch, sbom };
  const packages = formats.map((format) => buildPackage(input, format));
  for (const file of packages) say(`${file}: ${megabytes(file)}`);
  return [executable, sbom, ...packages];
}

const { values } = parseArgs({
  options: {
    arch: { type: 'string', default: 'x64,arm64' },
    format: { type: 'string', default: FORMATS.join() },
    version: { type: 'string' },
  },
});
try {
  const { version = String(JSON.parse(fs.readFileSync('package.json', 'utf8')).version) } = values;
  const formats = FORMATS.filter((format) => values.format.split(',').includes(format));
  const made: string[] = [];
  for (const arch of values.arch.split(',')) {
    if (!isArch(arch)) throw new Error(`no release for the processor ${arch}: x64 or arm64`);
    made.push(...(await build(arch, formats, version)));
  }
  say(`${checksums(made)}: ${made.length} files`);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
