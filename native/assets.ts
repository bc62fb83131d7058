/**
 * Files that the program brings along: BPF objects, koffi's addon, libbpf. In the development form they lie
 * beside the bundle. In the single executable they are in the executable itself, and what must be a file for
 * the kernel or the dynamic loader becomes one without a name (O_TMPFILE): nobody can put another in its place,
 * nothing has to be verified the next time, and nothing is left behind.
 *
 * Not memfd_create: Node cannot call it before koffi is loaded, and koffi is one of the files.
 */
import fs from 'node:fs';
import path from 'node:path';
import sea from 'node:sea';
import { LiveAuditError } from './errors.ts';

/** Whether this is the single executable. */
export const isEmbedded: boolean = sea.isSea();

/** Where unnamed files may be made, best first: memory before disks; Debian mounts /run noexec, docker /dev/shm. */
const DIRECTORIES = ['/dev/shm', '/run', '/var/lib', '/tmp', '/var/tmp'];
/** A directory that the administrator names goes before those. */
const DIRECTORY_VARIABLE = 'LIVE_AUDIT_LIB_DIR';

/** O_TMPFILE without its O_DIRECTORY, whose value depends on the processor (include/uapi/asm-generic/fcntl.h). */
const __O_TMPFILE = 0o20000000;
const STICKY = 0o1000;
const WRITABLE_BY_OTHERS = 0o022;

const messageOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';

function directories(): string[] {
  const named = process.env[DIRECTORY_VARIABLE];
  return named ? [named, ...DIRECTORIES] : DIRECTORIES;
}

/** @throws Error where somebody else could rename or replace what is made there */
function checkDirectory(directory: string): void {
  const { uid, mode } = fs.statSync(directory);
  if (uid !== 0 && uid !== process.geteuid?.()) throw new Error(`belongs to uid ${uid}`);
  if ((mode & WRITABLE_BY_OTHERS) !== 0 && (mode & STICKY) === 0)
    throw new Error('others may write to it');
}

/**
 * A new file without a name.
 * @returns its descriptor, which stays open: its path below /proc/self/fd is what the dynamic loader knows it by
 * @throws Error naming what is in the way
 */
function openUnnamed(directory: string): number {
  checkDirectory(directory);
  const { O_RDWR, O_CREAT, O_EXCL, O_DIRECTORY, O_NOFOLLOW } = fs.constants;
  try {
    return fs.openSync(directory, __O_TMPFILE | O_DIRECTORY | O_RDWR, 0o500);
  } catch {
    // No O_TMPFILE in this file system (overlayfs before Linux 6.1): a name that only we know, for a moment.
    const own = fs.mkdtempSync(path.join(directory, '.live-audit-'));
    const file = path.join(own, 'file');
    try {
      return fs.openSync(file, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o500);
    } finally {
      fs.rmSync(own, { recursive: true });
    }
  }
}

/**
 * Have an unnamed file with this content used through its path.
 * @throws what `use` throws, Error
 */
function useUnnamed<T>(directory: string, content: Uint8Array, use: (path: string) => T): T {
  const fd = openUnnamed(directory);
  try {
    fs.writeFileSync(fd, content);
    return use(`/proc/self/fd/${fd}`);
  } catch (error) {
    fs.closeSync(fd);
    throw error;
  }
}

/** In which directory it worked last: the next file goes there, too. */
let proven: string | null = null;

/**
 * Have an embedded file used through a path.
 * @param use what opens the path, and throws where it cannot: a file system may be mounted noexec
 * @throws LiveAuditError EXTRACT
 */
export function withEmbedded<T>(name: string, use: (path: string) => T): T {
  const content = new Uint8Array(sea.getRawAsset(name));
  const problems: string[] = [];
  for (const directory of proven === null ? directories() : [proven, ...directories()]) {
    try {
      const result = useUnnamed(directory, content, use);
      proven = directory;
      return result;
    } catch (error) {
      problems.push(`${directory}: ${messageOf(error)}`);
    }
  }
  throw new LiveAuditError('EXTRACT', `${name} cannot be loaded (${problems.join('; ')})`);
}

const objects = new Map<string, string>();

/**
 * The path of a BPF object.
 * @param assetsDir where the objects are in the development form
 * @throws LiveAuditError BPF, EXTRACT
 */
export function bpfObjectPath(assetsDir: string, name: string): string {
  if (!isEmbedded) {
    const file = path.join(assetsDir, name);
    if (fs.existsSync(file)) return file;
    throw new LiveAuditError('BPF', `${file} is missing: it was not built (no clang)`);
  }
  const known = objects.get(name);
  if (known !== undefined) return known;
  const made = withEmbedded(name, (file) => file);
  objects.set(name, made);
  return made;
}

/** What to call the file behind a path of `bpfObjectPath` in a message. */
export function assetName(path: string): string {
  for (const [name, file] of objects) if (file === path) return name;
  return path;
}

/**
 * Load a shared library: ours where we bring it, the machine's in the development form.
 * @throws what `load` throws, LiveAuditError EXTRACT
 */
export const loadLibrary = <T>(soname: string, load: (path: string) => T): T =>
  isEmbedded ? withEmbedded(soname, load) : load(soname);
