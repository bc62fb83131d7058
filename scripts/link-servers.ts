/**
 * Makes the symbolic links of the server packages below a folder: npm packages cannot hold any, so each lists
 * its own in native/pg-symlinks.json (`source`: what exists, `target`: the link; both from the package on).
 */
import { existsSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';

interface Link {
  readonly source: string;
  readonly target: string;
}

const isLink = (value: unknown): value is Link =>
  typeof value === 'object' &&
  value !== null &&
  'source' in value &&
  'target' in value &&
  typeof value.source === 'string' &&
  typeof value.target === 'string';

/** @throws Error where a link would lead out of its package */
export function linkServers(folder: string): number {
  const modules = path.join(folder, 'node_modules');
  let made = 0;
  for (const name of readdirSync(modules)) {
    const list = path.join(modules, name, 'native/pg-symlinks.json');
    if (!existsSync(list)) continue;
    const links: unknown = JSON.parse(readFileSync(list, 'utf8'));
    if (!Array.isArray(links) || !links.every(isLink)) throw new Error(`${list}: no list of links`);
    const root = path.resolve(modules, name);
    for (const { source, target } of links) {
      const [from, to] = [path.resolve(root, source), path.resolve(root, target)];
      if (![from, to].every((place) => place.startsWith(root + path.sep)))
        throw new Error(`${list}: ${target} leads out of the package`);
      rmSync(to, { force: true });
      symlinkSync(path.relative(path.dirname(to), from), to);
      made++;
    }
  }
  return made;
}

if (process.argv[1] === import.meta.filename) {
  const [, , folder] = process.argv;
  if (folder === undefined) throw new Error('usage: link-servers.ts FOLDER');
  linkServers(folder);
}
