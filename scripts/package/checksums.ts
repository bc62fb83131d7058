/** SHA256SUMS, as `sha256sum -c` reads it. */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { OUT, writeWhole } from './target.ts';

/** @returns the path of the list */
export function checksums(files: readonly string[]): string {
  const lines = files.map((file) => {
    const hash = createHash('sha256').update(fs.readFileSync(file)).digest('hex');
    return `${hash}  ${path.relative(OUT, file)}\n`;
  });
  const list = path.join(OUT, 'SHA256SUMS');
  writeWhole(list, lines.join(''));
  return list;
}
