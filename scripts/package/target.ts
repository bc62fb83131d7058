/** What a release is made for, and where its parts are. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

export const OUT = 'build/package';

export type Arch = 'x64' | 'arm64';

/** Names that others have for the processor. */
const NAMES = {
  x64: { deb: 'amd64', rpm: 'x86_64', zig: 'x86_64-linux-gnu', machine: 'x86_64' },
  arm64: { deb: 'arm64', rpm: 'aarch64', zig: 'aarch64-linux-gnu', machine: 'aarch64' },
} as const satisfies Record<Arch, Record<string, string>>;

/** The oldest glibc that the release runs on: that of RHEL 8 and Debian 10, and what the pinned Node needs. */
export const GLIBC = '2.28';

export interface Target {
  readonly arch: Arch;
  readonly names: (typeof NAMES)[Arch];
  /** Everything of this processor. */
  readonly dir: string;
  /** Holds node-linux-ARCH and koffi's addon for the processor. */
  readonly modules: string;
  readonly node: string;
  readonly koffi: string;
}

export function isArch(text: string): text is Arch {
  return Object.hasOwn(NAMES, text);
}

export function targetOf(arch: Arch): Target {
  const dir = path.join(OUT, arch);
  const modules = arch === process.arch ? 'node_modules' : path.join(dir, 'node_modules');
  return {
    arch,
    names: NAMES[arch],
    dir,
    modules,
    node: path.join(modules, `node-linux-${arch}/bin/node`),
    koffi: path.join(modules, `@koromix/koffi-linux-${arch}/linux_${arch}/koffi.node`),
  };
}

/** @throws Error with what the command said */
export function run(
  command: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
): string {
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    ...options,
    env: { ...process.env, ...options.env },
  });
  if (error !== undefined) throw new Error(`${command}: ${error.message}`);
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}\n${stdout}${stderr}`);
  return stdout;
}

/** Write a file whole or not at all. */
export function writeWhole(file: string, content: string | Uint8Array, mode = 0o644): void {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(`${file}.new`, content);
  fs.chmodSync(`${file}.new`, mode);
  fs.renameSync(`${file}.new`, file);
}
