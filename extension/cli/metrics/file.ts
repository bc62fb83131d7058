/** A file for the textfile collector of node_exporter. */
import fs from 'node:fs';

/** It runs as another user; what is in the file are counts. */
const MODE = 0o644;

/**
 * Whole or not at all: a new file takes the name. Until then its name does not end in .prom, so that nobody reads it.
 * @throws NodeJS.ErrnoException
 */
export function replaceFile(file: string, text: string): void {
  const fresh = `${file}.${process.pid}.new`;
  fs.rmSync(fresh, { force: true });
  // Not through a link that somebody put there.
  const fd = fs.openSync(fresh, 'wx', MODE);
  try {
    // The service's umask would keep it from its reader.
    fs.fchmodSync(fd, MODE);
    fs.writeFileSync(fd, text);
  } finally {
    fs.closeSync(fd);
  }
  fs.renameSync(fresh, file);
}
