/** What a collector does before anything else: what asks for more rights than capture, then without them. */
import { bpffsProblem } from '../../native/bpffs.ts';
import { LiveAuditError } from '../../native/errors.ts';
import { keepOnlyNeeded } from '../../native/privileges.ts';
import { openStateDir } from '../../tables/collector/state-dir.ts';
import type { Config } from './config/schema.ts';
import { log } from './log.ts';

/**
 * Comes back in a process of few rights, which may be this one executed anew. That it cannot be is no reason not to
 * capture.
 */
export function giveUpRights(config: Config): void {
  try {
    openStateDir(config.state_dir);
    if (config.keep_capture) bpffsProblem(); // mounts it where nobody has
  } catch {
    // The collector says why.
  }
  try {
    keepOnlyNeeded();
  } catch (error) {
    log(error instanceof LiveAuditError ? error.line : String(error));
  }
}
