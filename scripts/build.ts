/** `npm run build`: BPF objects, bundle and launcher into build/. */
import { buildBpf } from './build-bpf.ts';
import { buildBundle } from './build-bundle.ts';

const say = (line: string): void => console.log(`==> ${line}`);

try {
  const bpf = buildBpf({
    sourceDir: 'bpf',
    outDir: 'build/bpf',
    arch: process.arch,
    clang: 'clang',
    strip: 'llvm-strip',
  });
  say(
    bpf === undefined
      ? 'bpf: clang is missing, going on without capture programs'
      : `bpf: ${bpf.built.length} built, ${bpf.kept.length} up to date`,
  );
  const written = await buildBundle('extension/cli/main.ts', 'build');
  say(written.length === 0 ? 'bundle: up to date' : `bundle: wrote ${written.join(', ')}`);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
