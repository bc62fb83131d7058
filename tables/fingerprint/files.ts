/** The two files of libpg-query: in the single executable they are assets, else they lie in node_modules. */
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import sea from 'node:sea';

/** Assets of the single executable (scripts/package.ts), by their name in the package's folder `wasm`. */
const GLUE = 'libpg-query.js';
const WASM = 'libpg-query.wasm';

export interface ParserFiles {
  /** JavaScript that gives the module's factory. */
  readonly glue: string;
  readonly wasm: Uint8Array;
}

export function parserFiles(): ParserFiles {
  if (sea.isSea())
    return { glue: sea.getAsset(GLUE, 'utf8'), wasm: new Uint8Array(sea.getRawAsset(WASM)) };
  // The bundle lies in build/, the sources in tables/fingerprint/: node_modules is above both.
  const { resolve } = createRequire(path.join(__dirname, 'any.js'));
  const folder = path.dirname(resolve('libpg-query'));
  return {
    glue: fs.readFileSync(path.join(folder, GLUE), 'utf8'),
    wasm: fs.readFileSync(path.join(folder, WASM)),
  };
}
