/** `npm run check`: every check, a line each; exit code 1 when one failed. */
import { CHECKS, longFiles } from './checks.ts';
import { addCounts, type Counts, NONE } from './counts.ts';

/** Passed checks are not tests and do not count as such; a failed or skipped one must show. */
export function runChecks(): Counts {
  let counts = NONE;
  for (const { name, run } of CHECKS) {
    const result = run();
    if (result.status === 'passed') {
      console.log(`==> check ${name}: passed`);
    } else if (result.status === 'skipped') {
      console.log(`==> check ${name}: skipped`);
      counts = addCounts(counts, { ...NONE, skipped: [`check ${name}: ${result.reason}`] });
    } else {
      console.log(`${result.output}\n==> check ${name}: FAILED`);
      counts = addCounts(counts, { ...NONE, failed: 1 });
    }
  }
  for (const warning of longFiles()) console.log(`==> check length: ${warning}`);
  return counts;
}

if (import.meta.main) {
  const { failed, skipped } = runChecks();
  for (const reason of skipped) console.log(`skipped: ${reason}`);
  process.exitCode = failed === 0 ? 0 : 1;
}
