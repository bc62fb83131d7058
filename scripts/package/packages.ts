/** The .deb and the .rpm, by nfpm from packaging/nfpm.yaml. */
import fs from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { OUT, run, type Target, writeWhole } from './target.ts';
import { nfpm } from './tools.ts';

export const FORMATS = ['deb', 'rpm'] as const;
export type Format = (typeof FORMATS)[number];

export interface PackageInput {
  readonly target: Target;
  readonly executable: string;
  readonly version: string;
  /** Unix s: the time of every file in the package. */
  readonly epoch: number;
  readonly sbom: string;
}

/** Pages that are there are packed; their folders in the repository, and below /usr/share. */
const SHARED: readonly (readonly [string, string])[] = [
  ['docs/man', 'man/man1'],
  ['packaging/completion/bash', 'bash-completion/completions'],
  ['packaging/completion/zsh', 'zsh/vendor-completions'],
  ['packaging/completion/fish', 'fish/vendor_completions.d'],
  ['packaging/packs', 'live-audit/packs'],
  ['packaging/queries', 'live-audit/queries'],
];

function stageShared(dir: string): void {
  fs.rmSync(dir, { recursive: true, force: true });
  fs.mkdirSync(dir, { recursive: true });
  for (const [from, to] of SHARED) {
    if (!fs.existsSync(from)) continue;
    for (const file of fs.readdirSync(from)) {
      const content = fs.readFileSync(path.join(from, file));
      const isManual = /\.[1-8]$/.test(file);
      writeWhole(
        path.join(dir, to, isManual ? `${file}.gz` : file),
        isManual ? gzipSync(content, { level: 9 }) : content,
      );
    }
  }
}

function stageDocs(dir: string, { target, sbom }: PackageInput): void {
  fs.rmSync(dir, { recursive: true, force: true });
  const node = path.join(target.modules, `node-linux-${target.arch}`, 'LICENSE');
  const libraries = path.join(OUT, 'vendor/libbpf-sys');
  const files: Readonly<Record<string, string>> = {
    'README.md': 'README.md',
    copyright: 'LICENSE',
    'copyright.node': node,
    'copyright.koffi': 'node_modules/koffi/LICENSE.txt',
    'copyright.libbpf': `${libraries}/libbpf/LICENSE.BSD-2-Clause`,
    'copyright.libelf': `${libraries}/elfutils/COPYING-LGPLV3`,
    'copyright.zlib': `${libraries}/zlib/LICENSE`,
    'sbom.cdx.json': sbom,
  };
  for (const [name, file] of Object.entries(files))
    writeWhole(path.join(dir, name), fs.readFileSync(file));
}

/** Every file that nfpm reads has the time of the release: it packs what the file system says. */
function setTimes(dir: string, epoch: number): void {
  for (const entry of fs.readdirSync(dir, { recursive: true, encoding: 'utf8' }))
    fs.utimesSync(path.join(dir, entry), epoch, epoch);
  fs.utimesSync(dir, epoch, epoch);
}

/** Debian's and Fedora's names of the file. */
function fileName(format: Format, version: string, { names }: Target): string {
  return format === 'deb'
    ? `live-audit_${version}-1_${names.deb}.deb`
    : `live-audit-${version}-1.${names.rpm}.rpm`;
}

/** @returns the path of the package */
export function buildPackage(input: PackageInput, format: Format): string {
  const { target, executable, version, epoch } = input;
  const docs = path.join(target.dir, 'docs');
  const share = path.join(target.dir, 'share');
  stageDocs(docs, input);
  stageShared(share);
  for (const dir of [docs, share]) setTimes(dir, epoch);
  fs.utimesSync(executable, epoch, epoch);
  const file = path.join(OUT, fileName(format, version, target));
  run(nfpm(), ['package', '-f', 'packaging/nfpm.yaml', '-p', format, '-t', `${file}.new`], {
    env: {
      SOURCE_DATE_EPOCH: String(epoch),
      PACKAGE_ARCH: target.names.deb,
      PACKAGE_VERSION: version,
      PACKAGE_EXECUTABLE: executable,
      PACKAGE_DOCS: docs,
      PACKAGE_SHARE: share,
    },
  });
  fs.renameSync(`${file}.new`, file);
  return file;
}
