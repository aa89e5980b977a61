import { appendFileSync } from 'node:fs';

/**
 * Adds the counts of one jest run to the file that THREADCAST_TEST_SUMMARY names, one line `passed failed` per run.
 * Without the variable it does nothing. A file of tests that does not load counts as one failed test, and so does a
 * skipped test: what did not run was not passed.
 */
export default class SummaryReporter {
  onRunComplete(_contexts, results) {
    const file = process.env.THREADCAST_TEST_SUMMARY;
    if (!file) return;
    const failed =
      results.numFailedTests + results.numRuntimeErrorTestSuites + results.numPendingTests + results.numTodoTests;
    appendFileSync(file, `${results.numPassedTests} ${failed}\n`);
  }
}
