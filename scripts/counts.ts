/** Jest's JSON result as the counts line that ends `npm test`. */

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  /** `file: name` of each; the name says why. */
  readonly skipped: readonly string[];
}

export const NONE: Counts = { passed: 0, failed: 0, skipped: [] };

/** What we read of the file that `jest --json --outputFile` writes (jest 30). */
interface JestResult {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  /** Files that did not run: they do not count among the failed tests. */
  readonly numRuntimeErrorTestSuites: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
}

/** Jest's words for a test that did not run: `test.skip` or a filter, `test.todo`, other. */
const NOT_RUN = new Set(['pending', 'todo', 'skipped', 'disabled']);

/** @param root the repository, taken off the file names */
export function countsOfJest(json: string, root: string): Counts {
  const result: JestResult = JSON.parse(json);
  return {
    passed: result.numPassedTests,
    failed: result.numFailedTests + result.numRuntimeErrorTestSuites,
    skipped: result.testResults.flatMap(({ name, assertionResults }) =>
      assertionResults
        .filter(({ status }) => NOT_RUN.has(status))
        .map(({ fullName }) => `${name.replace(`${root}/`, '')}: ${fullName}`),
    ),
  };
}

export const addCounts = (a: Counts, b: Counts): Counts => ({
  passed: a.passed + b.passed,
  failed: a.failed + b.failed,
  skipped: [...a.skipped, ...b.skipped],
});

/** The last line of `npm test`, alone on its line. */
export const countsLine = ({ passed, failed, skipped }: Counts): string =>
  `${passed} passed, ${failed} failed, ${skipped.length} skipped`;
