// `npm test`: every check there is, one after the other. All of them run even when one fails; the last line counts
// tests and checks together.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { ensurePackages } from './ensure.mjs';
import { inRoot, root } from './repository.mjs';

// Only the tests need these programs; until then the network can be slow beside the other checks.
const programs = once(
  spawn(process.execPath, [inRoot('scripts', 'ensure.mjs'), '--test-programs'], { stdio: 'inherit' }),
  'exit',
);
ensurePackages();

const scratch = mkdtempSync(path.join(tmpdir(), 'aip-check-'));
const testReport = path.join(scratch, 'tests.json');
const bin = inRoot('node_modules', '.bin');
const environment = { ...process.env, PATH: `${bin}${path.delimiter}${process.env.PATH ?? ''}` };

/** Heading and command; commands are found in node_modules/.bin first, `node` being Node 24 there. */
const sections = [
  ['Lockfile', 'node', 'scripts/lockfile.mjs'],
  ['Types (tsc)', 'tsc', '-p', 'tsconfig.json'],
  ['Types of the dashboard (tsc)', 'tsc', '-p', 'apps/dashboard/tsconfig.json'],
  ['Lint (oxlint)', 'oxlint'],
  ['Format (oxfmt)', 'oxfmt', '--check'],
  ['Unused code and packages (knip)', 'knip', '--no-progress'],
  ['Dashboard build (vite)', 'node', 'scripts/dashboard.mjs'],
  ['Tests (vitest)', 'vitest', 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${testReport}`],
];

const results = [];
for (const [heading, command, ...args] of sections) {
  if (command === 'vitest' && (await programs)[0] !== 0) throw new Error('What the tests need could not be installed.');
  console.log(`\n── ${heading} ${'─'.repeat(Math.max(3, 76 - heading.length))}`);
  const begun = performance.now();
  const { status, error } = spawnSync(command, args, { cwd: root, env: environment, stdio: 'inherit' });
  if (error) console.error(error.message);
  results.push({ heading, ok: status === 0, seconds: (performance.now() - begun) / 1000 });
}

console.log(`\n── Summary ${'─'.repeat(69)}`);
for (const { heading, ok, seconds } of results) {
  console.log(`${ok ? 'passed' : 'FAILED'}  ${heading.padEnd(36)} ${seconds.toFixed(1).padStart(6)} s`);
}

const tests = testCounts();
const checks = results.filter(({ heading, ok }) => !(heading.startsWith('Tests') && (ok || tests.failed > 0)));
const passed = tests.passed + checks.filter(({ ok }) => ok).length;
const failed = tests.failed + checks.filter(({ ok }) => !ok).length;
console.log(`${tests.passed + tests.failed} tests and ${results.length - 1} checks.`);
console.log(`${passed} passed, ${failed} failed`);
rmSync(scratch, { recursive: true, force: true });
process.exitCode = failed === 0 ? 0 : 1;

/** A test file that does not even load counts as one failed test. */
function testCounts() {
  try {
    const report = JSON.parse(readFileSync(testReport, 'utf8'));
    const unloadable = report.testResults.filter(
      (file) => file.status === 'failed' && file.assertionResults.length === 0,
    );
    return { passed: report.numPassedTests, failed: report.numFailedTests + unloadable.length };
  } catch {
    return { passed: 0, failed: 0 };
  }
}
