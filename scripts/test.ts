/** `npm test`: the checks, then jest with the arguments given; the counts are the last line. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { runChecks } from './check.ts';
import { addCounts, type Counts, countsLine, countsOfJest, NONE } from './counts.ts';

const REPORT = 'build/jest.json';

/** A hang must end in a counts line before CI gives up (25 minutes for all). */
const JEST_LIMIT_MS = 18 * 60_000;

function runJest(args: readonly string[]): Counts {
  rmSync(REPORT, { force: true });
  const { status, signal } = spawnSync(
    process.execPath,
    ['node_modules/jest/bin/jest.js', '--json', `--outputFile=${REPORT}`, ...args],
    // --json makes jest print the report on its standard output too.
    { stdio: ['ignore', 'ignore', 'inherit'], timeout: JEST_LIMIT_MS, killSignal: 'SIGKILL' },
  );
  const counts = existsSync(REPORT)
    ? countsOfJest(readFileSync(REPORT, 'utf8'), process.cwd())
    : NONE;
  // A failure that no test owns: killed, a broken configuration, a coverage threshold.
  if (status === 0 || counts.failed > 0) return counts;
  console.log(`jest ended with ${signal ?? `exit code ${status}`}`);
  return addCounts(counts, { ...NONE, failed: 1 });
}

const counts = addCounts(runChecks(), runJest(process.argv.slice(2)));
for (const reason of counts.skipped) console.log(`skipped: ${reason}`);
console.log(countsLine(counts));
process.exitCode = counts.failed === 0 ? 0 : 1;
