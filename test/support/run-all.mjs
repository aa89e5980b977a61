/**
 * `npm test`: runs the scripts of package.json that are named on the command line, in order. One that fails does not
 * hide the next. Exits non-zero when any failed, and says which.
 *
 * Where THREADCAST_TEST_SUMMARY names a file, a step that fails without having reported a failed test adds one.
 */
import { spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';

const steps = process.argv.slice(2);
const summary = process.env.THREADCAST_TEST_SUMMARY;
// npm names itself here, so that no shell is needed to find it.
const npm = process.env.npm_execpath;
if (steps.length === 0 || !npm) {
  console.error('This is run by npm: npm test');
  process.exit(2);
}

function failedTests() {
  if (!summary || !existsSync(summary)) return 0;
  const lines = readFileSync(summary, 'utf8').split('\n').filter(Boolean);
  return lines.reduce((sum, line) => sum + Number(line.split(' ')[1]), 0);
}

const failed = [];
for (const step of steps) {
  console.log(`\n== ${step}`);
  const before = failedTests();
  const { status, error } = spawnSync(process.execPath, [npm, 'run', '--silent', step], { stdio: 'inherit' });
  if (status === 0) continue;
  if (error) console.error(error.message);
  failed.push(step);
  if (summary && failedTests() === before) appendFileSync(summary, '0 1\n');
}

console.log(failed.length === 0 ? `\nAll passed: ${steps.join(', ')}` : `\nFailed: ${failed.join(', ')}`);
process.exitCode = failed.length === 0 ? 0 : 1;
