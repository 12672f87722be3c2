// The tests of `npm test`. Some of them start real platforms, browsers and databases side by side: when no more than a
// few files fail, or end with their process, those run once more by themselves. A test that passes only then is unsteady:
// it does not stop a change that has nothing to do with it, but is named in the summary, as work to do.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { root } from './repository.mjs';

/** More failing files than these are no coincidence. */
const MAX_FILES_AGAIN = 3;

/**
 * @typedef {{ ok: boolean, passed: number, failed: number, unsteady: string[] }} TestOutcome
 * @param {(args: string[]) => boolean} vitest runs it; false when anything failed
 * @param {string} scratch folder for its reports
 * @returns {TestOutcome}
 */
export function runTests(vitest, scratch) {
  const first = run(vitest, [], path.join(scratch, 'tests.json'));
  if (first.ok || first.failing.length === 0 || first.failing.length > MAX_FILES_AGAIN) return outcome(first, []);

  const files = first.failing.map(({ file }) => path.relative(root, file));
  console.log(`\n── Once more: ${files.join(', ')}`);
  const second = run(vitest, files, path.join(scratch, 'again.json'));
  if (!second.ok) return outcome(first, []);
  const tests = first.failing.reduce((sum, { failed }) => sum + failed, 0);
  const repaired = { ok: true, passed: first.passed + tests, failed: 0 };
  return outcome(
    repaired,
    first.failing.flatMap(({ file, names }) => names.map((name) => `${path.relative(root, file)}: ${name}`)),
  );
}

const outcome = ({ ok, passed, failed }, unsteady) => ({ ok, passed, failed, unsteady });

function run(vitest, files, report) {
  const ok = vitest(['run', ...files, '--reporter=default', '--reporter=json', `--outputFile.json=${report}`]);
  const results = read(report);
  const failing = results.map(failingIn).filter(({ names }) => names.length > 0);
  return {
    ok,
    failing,
    passed: results.flatMap(({ assertionResults }) => assertionResults).filter(({ status }) => status === 'passed')
      .length,
    failed: failing.reduce((sum, { failed }) => sum + failed, 0),
  };
}

/** A file that does not even load counts as one failed test, and so does a test whose process ended. */
function failingIn({ name: file, status, assertionResults }) {
  const names = assertionResults
    .filter(({ status: of }) => of === 'failed' || of === 'pending')
    .map(({ fullName }) => fullName);
  if (names.length === 0 && status === 'failed') names.push('does not load');
  return { file, names, failed: names.length };
}

function read(report) {
  try {
    return JSON.parse(readFileSync(report, 'utf8')).testResults;
  } catch {
    return [];
  }
}
