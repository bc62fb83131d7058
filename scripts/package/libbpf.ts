/**
 * libbpf.so.1 of the release: libbpf 1.7 with elfutils' libelf and zlib inside, for an old glibc. Sources come by
 * cargo, the compiler by pip; both are held by hash (packaging/libbpf/Cargo.lock, packaging/tools/requirements.txt).
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { GLIBC, OUT, run, type Target, writeWhole } from './target.ts';
import { zig } from './tools.ts';

const FROM = path.resolve('packaging/libbpf');
const VENDORED = path.join(OUT, 'vendor');
const SOURCES = path.join(VENDORED, 'libbpf-sys');
const FOLDERS = ['libbpf/src', 'elfutils/libelf', 'zlib'];

const FLAGS = [
  ...['-shared', '-fPIC', '-O2', '-s', '-std=gnu11', '-fvisibility=hidden', '-w'],
  ...['-DSHARED', '-D_GNU_SOURCE', '-D_LARGEFILE64_SOURCE', '-D_FILE_OFFSET_BITS=64'],
  ...['-DHAVE_CONFIG_H', '-DZ_HAVE_UNISTD_H', `-I${FROM}`, '-Ilibbpf/src', '-Ilibbpf/include'],
  ...['-Ilibbpf/include/uapi', '-Izlib', '-Ielfutils/libelf', '-Ielfutils/lib'],
  // What is not libbpf's stays inside: the process may have another zlib (Node has).
  ...['-Wl,--version-script=libbpf/src/libbpf.map', '-Wl,-soname,libbpf.so.1'],
  ...['-Wl,-z,relro', '-Wl,-z,now'],
];

function vendor(lock: Buffer): void {
  const stamp = path.join(VENDORED, '.stamp');
  const want = createHash('sha256').update(lock).digest('hex');
  if (fs.existsSync(stamp) && fs.readFileSync(stamp, 'utf8') === want) return;
  fs.rmSync(VENDORED, { recursive: true, force: true });
  run('cargo', ['vendor', '--locked', path.resolve(VENDORED)], { cwd: FROM });
  writeWhole(stamp, want);
}

/**
 * Compiled once: again only when sources, flags or compiler change.
 * @returns the path of the library
 */
export function buildLibbpf(target: Target): string {
  const library = path.join(target.dir, 'libbpf.so.1');
  const stamp = `${library}.stamp`;
  const lock = fs.readFileSync(path.join(FROM, 'Cargo.lock'));
  const args = ['-target', `${target.names.zig}.${GLIBC}`, ...FLAGS];
  const want = createHash('sha256')
    .update(lock)
    .update(fs.readFileSync(path.join(FROM, 'config.h')))
    .update(JSON.stringify([run(zig(), ['version']), args.filter((flag) => !flag.includes(FROM))]))
    .digest('hex');
  if (fs.existsSync(library) && fs.existsSync(stamp) && fs.readFileSync(stamp, 'utf8') === want)
    return library;
  vendor(lock);
  const sources = FOLDERS.flatMap((folder) =>
    fs
      .readdirSync(path.join(SOURCES, folder))
      .filter((file) => file.endsWith('.c'))
      .sort()
      .map((file) => `${folder}/${file}`),
  );
  fs.mkdirSync(target.dir, { recursive: true });
  run(zig(), ['cc', ...args, '-o', path.resolve(`${library}.new`), ...sources], {
    cwd: SOURCES,
    env: { ZIG_GLOBAL_CACHE_DIR: path.resolve(OUT, 'zig-cache') },
  });
  fs.renameSync(`${library}.new`, library);
  writeWhole(stamp, want);
  return library;
}
