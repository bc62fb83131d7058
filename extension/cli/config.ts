/**
 * The config file: JSON, checked whole. A missing file and `{}` mean the defaults; a wrong one is refused
 * with the key and the reason.
 */
import fs from 'node:fs';
import { LiveAuditError } from '../../native/errors.ts';

export interface Config {
  readonly state_dir?: string;
}

const KEYS = new Set(['state_dir']);

/** @throws LiveAuditError CONFIG */
export function readConfig(path: string): Config {
  let text: string;
  try {
    text = fs.readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return {};
    throw new LiveAuditError('CONFIG', `${path}: cannot be read (${code})`, { cause: error });
  }
  return decodeConfig(text, path);
}

function decodeConfig(text: string, path: string): Config {
  const refuse = (reason: string) => new LiveAuditError('CONFIG', `${path}: ${reason}`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw refuse(`is no JSON: ${(error as Error).message}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw refuse('is no object');
  for (const key of Object.keys(value)) if (!KEYS.has(key)) throw refuse(`unknown key ${key}`);
  const { state_dir } = value as Record<string, unknown>;
  if (state_dir === undefined) return {};
  if (typeof state_dir !== 'string' || !state_dir.startsWith('/'))
    throw refuse('state_dir must be an absolute path');
  return { state_dir };
}
