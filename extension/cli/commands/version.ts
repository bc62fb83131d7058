import { VERSION } from '../version.ts';

export function version(): void {
  process.stdout.write(`live_audit ${VERSION} (Node ${process.versions.node})\n`);
}
