import { LiveAuditError } from '../../../native/errors.ts';
import { VERSION } from '../version.ts';

export function version(args: readonly string[]): void {
  if (args.length > 0) throw new LiveAuditError('USAGE', `version takes no argument: ${args[0]}`);
  process.stdout.write(`live_audit ${VERSION} (Node ${process.versions.node})\n`);
}
