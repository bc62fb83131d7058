/** Compiles bpf/x.bpf.c into build/bpf/x.bpf.o, each only when its inputs changed. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

const SOURCE = '.bpf.c';
const OBJECT = '.bpf.o';

/** Per processor: the macro that bpf_tracing.h asks for, and Debian's folder of asm/ headers. */
const TARGETS: Record<string, { macro: string; triplet: string }> = {
  x64: { macro: '__TARGET_ARCH_x86', triplet: 'x86_64-linux-gnu' },
  arm64: { macro: '__TARGET_ARCH_arm64', triplet: 'aarch64-linux-gnu' },
};

export interface BpfBuild {
  readonly sourceDir: string;
  readonly outDir: string;
  readonly arch: string;
  readonly clang: string;
  readonly strip: string;
}

/** Names of sources: built now, and up to date before. */
export interface BpfResult {
  readonly built: readonly string[];
  readonly kept: readonly string[];
}

/**
 * @returns undefined when there is no clang: the rest of the build is still of use
 * @throws Error with the compiler's messages
 */
export function buildBpf(build: BpfBuild): BpfResult | undefined {
  const version = spawnSync(build.clang, ['--version'], { encoding: 'utf8' });
  if (version.error !== undefined) return undefined;
  const target = TARGETS[build.arch];
  if (target === undefined) throw new Error(`no BPF target for the processor ${build.arch}`);

  const files = existsSync(build.sourceDir) ? readdirSync(build.sourceDir).sort() : [];
  const sources = files.filter((file) => file.endsWith(SOURCE));
  const headers = files.filter((file) => file.endsWith('.h'));
  const flags = [
    ...['-g', '-O2', '-target', 'bpf', '-mcpu=v3', `-D${target.macro}`, '-Wall', '-Werror'],
    // Not where this checkout lies: the same sources give the same bytes.
    '-fdebug-compilation-dir=.',
    ...['-I', build.sourceDir, '-idirafter', `/usr/include/${target.triplet}`],
  ];

  mkdirSync(build.outDir, { recursive: true });
  removeOrphans(build.outDir, sources);
  const common = [version.stdout, flags.join(' '), ...headers.map((h) => read(build.sourceDir, h))];
  const built: string[] = [];
  const kept: string[] = [];
  for (const source of sources) {
    const object = join(build.outDir, source.replace(SOURCE, OBJECT));
    const stamp = `${object}.stamp`;
    const hash = hashOf([...common, read(build.sourceDir, source)]);
    if (existsSync(object) && existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) {
      kept.push(source);
      continue;
    }
    const fresh = `${object}.new`;
    run(build.clang, [...flags, '-c', join(build.sourceDir, source), '-o', fresh]);
    run(build.strip, ['-g', fresh]); // DWARF goes, BTF stays
    renameSync(fresh, object); // whole or not at all
    writeFileSync(stamp, hash);
    built.push(source);
  }
  return { built, kept };
}

/** An object whose source is gone must not be loaded by chance. */
function removeOrphans(outDir: string, sources: readonly string[]): void {
  const objects = new Set(sources.map((source) => source.replace(SOURCE, OBJECT)));
  for (const file of readdirSync(outDir)) {
    if (!objects.has(file.replace(/\.stamp$/, ''))) rmSync(join(outDir, file));
  }
}

const read = (dir: string, file: string): string => readFileSync(join(dir, file), 'utf8');

const hashOf = (parts: readonly string[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('hex');

function run(command: string, args: readonly string[]): void {
  const { status, error, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (error !== undefined) throw new Error(`${command}: ${error.message}`);
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}\n${stderr}`);
}
