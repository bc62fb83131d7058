/** The bill of materials (CycloneDX 1.6, JSON): what is inside the executable, with versions, licences and hashes. */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { Enums, Models, Serialize, Spec } from '@cyclonedx/cyclonedx-library';
import { OUT, type Target, writeWhole } from './target.ts';

interface Part {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  /** Package URL: where it is from. */
  readonly purl: string;
  readonly description?: string;
  readonly file?: string;
}

const VENDORED = path.join(OUT, 'vendor/libbpf-sys');
const CRATE = 'pkg:cargo/libbpf-sys@1.7.0%2Bv1.7.0';

/** A version where a source file of the vendored library says it. */
function versionIn(file: string, pattern: RegExp): string {
  const [, version] = pattern.exec(fs.readFileSync(path.join(VENDORED, file), 'utf8')) ?? [];
  if (version === undefined) throw new Error(`${file} does not say its version`);
  return version;
}

function npmPart(directory: string): Part {
  const { name, version, license } = JSON.parse(
    fs.readFileSync(path.join(directory, 'package.json'), 'utf8'),
  );
  const purl = `pkg:npm/${String(name).replace('@', '%40')}@${version}`;
  return { name, version, license: String(license ?? 'NOASSERTION'), purl };
}

function nativeParts(target: Target): Part[] {
  const node = npmPart(path.join(target.modules, `node-linux-${target.arch}`));
  const addon = npmPart(path.join(target.modules, `@koromix/koffi-linux-${target.arch}`));
  return [
    { ...node, license: 'MIT', description: 'the JavaScript runtime', file: target.node },
    { ...addon, description: 'foreign function interface', file: target.koffi },
    { ...npmPart('node_modules/libpg-query'), description: 'PostgreSQL’s parser' },
    {
      name: 'libbpf',
      version: versionIn('libbpf/src/libbpf.map', /(?:.|\n)*LIBBPF_([\d.]+) \{/),
      license: 'LGPL-2.1-only OR BSD-2-Clause',
      purl: CRATE,
      description: 'in libbpf.so.1',
      file: path.join(target.dir, 'libbpf.so.1'),
    },
    {
      name: 'libelf (elfutils)',
      version: versionIn('elfutils/configure.ac', /AC_INIT\(\[elfutils\],\[([\d.]+)\]/),
      license: 'GPL-2.0-or-later OR LGPL-3.0-or-later',
      purl: `${CRATE}#elfutils`,
      description: 'in libbpf.so.1',
    },
    {
      name: 'zlib',
      version: versionIn('zlib/zlib.h', /#define ZLIB_VERSION "([\d.]+)/),
      license: 'Zlib',
      purl: `${CRATE}#zlib`,
      description: 'in libbpf.so.1',
    },
  ];
}

function component(part: Part): Models.Component {
  const made = new Models.Component(Enums.ComponentType.Library, part.name, {
    version: part.version,
    bomRef: part.purl,
    description: part.description,
    purl: part.purl,
  });
  made.licenses.add(new Models.LicenseExpression(part.license));
  if (part.file !== undefined) {
    const hash = createHash('sha256').update(fs.readFileSync(part.file)).digest('hex');
    made.hashes.set(Enums.HashAlgorithm['SHA-256'], hash);
  }
  return made;
}

/**
 * @param packages folders of the npm packages in the bundle
 * @returns the path of the bill
 */
export function writeBill(
  target: Target,
  packages: readonly string[],
  version: string,
  epoch: number,
): string {
  const program = new Models.Component(Enums.ComponentType.Application, 'live_audit.ext', {
    version,
    bomRef: `live_audit@${version}`,
  });
  program.licenses.add(new Models.LicenseExpression('Apache-2.0'));
  const bom = new Models.Bom({
    metadata: new Models.Metadata({ component: program, timestamp: new Date(epoch * 1000) }),
  });
  const bundled = packages.map(npmPart).filter(({ name }) => !name.startsWith('@koromix/'));
  const parts = new Map([...nativeParts(target), ...bundled].map((part) => [part.purl, part]));
  for (const part of parts.values()) {
    const made = component(part);
    bom.components.add(made);
    program.dependencies.add(made.bomRef);
  }
  const normalize = new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6);
  const text = new Serialize.JsonSerializer(normalize).serialize(bom, {
    sortLists: true,
    space: 2,
  });
  const file = path.join(OUT, `live_audit-${target.arch}.cdx.json`);
  writeWhole(file, `${text}\n`);
  return file;
}
