/**
 * Puts the kernel's audit back as it was when the test that changed it is gone, however it went: started by
 * AuditWorld with `enabled backlogLimit`, it waits for the end of its standard input. There were no rules before.
 */
import { AuditControl } from '../../native/audit-control.ts';

const [enabled, backlogLimit] = process.argv.slice(2).map(Number);

process.stdin.resume();
process.stdin.once('end', () => {
  const control = new AuditControl();
  for (const rule of control.rules()) control.deleteRule(rule);
  control.setEnabled(enabled === 1);
  control.setBacklogLimit(backlogLimit ?? 0);
  control.close();
});
