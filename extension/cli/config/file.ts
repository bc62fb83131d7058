/** The config file. It decides what is captured, so only root and its owner may have written it. */
import fs from 'node:fs';
import { LiveAuditError } from '../../../native/errors.ts';
import { decode } from './decode.ts';
import { parseJson } from './json.ts';
import type { ConfigInput } from './schema.ts';

export const DEFAULT_CONFIG = '/etc/live-audit/config.json';
const MAX_CONFIG_BYTES = 1024 * 1024;
const WRITABLE_BY_OTHERS = 0o022;

const refuse = (path: string, reason: string, cause?: unknown) =>
  new LiveAuditError('CONFIG', `${path}: ${reason}`, { cause });

/**
 * A missing file is `{}`.
 * @throws LiveAuditError CONFIG, naming file, key and reason
 */
export function readConfigFile(path: string): ConfigInput {
  const text = readTrusted(path);
  if (text === null) return {};
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (error) {
    throw refuse(path, (error as SyntaxError).message, error);
  }
  return decode(value, path);
}

/** @returns null where there is no file */
function readTrusted(path: string): string | null {
  let fd: number | undefined;
  try {
    // Without waiting: a FIFO in its place must not hang us.
    fd = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
    return readOpen(fd, path);
  } catch (error) {
    if (error instanceof LiveAuditError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw refuse(path, `cannot be read (${code})`, error);
  } finally {
    if (fd !== undefined) fs.closeSync(fd);
  }
}

/** What is checked is the open file, so that it cannot be exchanged in between. */
function readOpen(fd: number, path: string): string {
  const stat = fs.fstatSync(fd);
  if (!stat.isFile()) throw refuse(path, 'is no regular file');
  if (stat.uid !== 0 && stat.uid !== process.geteuid?.())
    throw refuse(path, `belongs to uid ${stat.uid}, not to root or to us`);
  if ((stat.mode & WRITABLE_BY_OTHERS) !== 0)
    throw refuse(
      path,
      `others may write it (mode ${(stat.mode & 0o7777).toString(8)}): chmod go-w`,
    );
  if (stat.size > MAX_CONFIG_BYTES) throw refuse(path, `is larger than ${MAX_CONFIG_BYTES} bytes`);
  const buffer = Buffer.alloc(MAX_CONFIG_BYTES + 1);
  const length = fs.readSync(fd, buffer, 0, buffer.length, 0);
  if (length > MAX_CONFIG_BYTES) throw refuse(path, `is larger than ${MAX_CONFIG_BYTES} bytes`);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(buffer.subarray(0, length));
  } catch (error) {
    throw refuse(path, 'is not UTF-8', error);
  }
}
