/** Log lines go to stderr, one line each, with a name that can be found in osquery's log. */
export function log(line: string): void {
  process.stderr.write(`live_audit: ${line.replace(/\s+/g, ' ')}\n`);
}
